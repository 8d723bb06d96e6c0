//! The built-in roles have the privileges that mongod 5.0.4 listed, action by action.

use std::collections::BTreeMap;

use bson::{Bson, Document, rawdoc};
use serde_json::Value;

use crate::support::dispatcher;

/// Privileges by resource, the actions in order.
type Privileges = BTreeMap<String, Vec<String>>;

fn of_file(privileges: &Value) -> Privileges {
    let one = |privilege: &Value| {
        let resource: BTreeMap<String, Value> =
            serde_json::from_value(privilege[0].clone()).expect("a resource");
        let resource = serde_json::to_string(&resource).expect("JSON");
        (resource, sorted(serde_json::from_value(privilege[1].clone()).expect("actions")))
    };
    privileges.as_array().expect("an array").iter().map(one).collect()
}

fn sorted(mut actions: Vec<String>) -> Vec<String> {
    actions.sort();
    actions
}

fn of_reply(role: &Document) -> Privileges {
    let one = |privilege: &Bson| {
        let privilege = privilege.as_document().expect("a document");
        let resource: BTreeMap<_, _> = privilege
            .get_document("resource")
            .expect("there")
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        let actions = privilege.get_array("actions").expect("there").iter();
        let actions = actions.map(|action| action.as_str().expect("text").to_owned());
        (serde_json::to_string(&resource).expect("JSON"), sorted(actions.collect()))
    };
    role.get_array("privileges").expect("there").iter().map(one).collect()
}

#[test]
fn built_in_roles_are_those_of_mongod() {
    let file: Value = serde_json::from_str(include_str!("built_in_roles.json")).expect("JSON");
    for (db, roles) in file.as_object().expect("an object") {
        let command = rawdoc! {
            "rolesInfo": 1, "showPrivileges": true, "showBuiltinRoles": true, "$db": db.as_str(),
        };
        let reply = dispatcher().run(&command);
        let reply = Document::try_from(&*reply).expect("a document");
        let mut found: BTreeMap<_, _> = reply
            .get_array("roles")
            .expect("there")
            .iter()
            .map(|role| role.as_document().expect("a document"))
            .map(|role| (role.get_str("role").expect("a name").to_owned(), of_reply(role)))
            .collect();
        for (name, privileges) in roles.as_object().expect("an object") {
            assert_eq!(found.remove(name), Some(of_file(privileges)), "{name}@{db}");
        }
        assert!(found.is_empty(), "{found:?}");
    }
}
