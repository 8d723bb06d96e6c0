//! What an engine holds, as its user sees it: the model of the script, and what is compared
//! with it.

use std::collections::{BTreeMap, BTreeSet};

use bson::Document;
use tallymap::{Collection, Direction, Engine, EngineBuilder, Result};

/// Databases by name, and their collections, the catalogue's own left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World(pub BTreeMap<String, BTreeMap<String, Contents>>);

/// One collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    pub documents: BTreeMap<i32, Document>,
    /// Names of its indexes beside `_id_`.
    pub indexes: BTreeSet<String>,
    pub has_template: bool,
}

impl World {
    /// The collection `ns`, made if it is missing, and its database too.
    pub fn collection(&mut self, ns: &str) -> &mut Contents {
        let (database, name) = ns.split_once('.').expect("a full name");
        let database = self.0.entry(database.to_owned()).or_default();
        database.entry(name.to_owned()).or_default()
    }

    /// Everything that `engine` answers, each document found in each way that there is.
    ///
    /// # Errors
    /// The first of the engine: reading never fails.
    pub fn read(engine: &Engine) -> Result<World> {
        let mut world = World::default();
        for name in engine.database_names() {
            let database = engine.database(&name)?;
            let collections = world.0.entry(name).or_default();
            for name in database.collection_names()? {
                if !name.starts_with("system.") && !name.starts_with("tallymap.") {
                    let contents = Contents::read(&database.collection(&name)?)?;
                    collections.insert(name, contents);
                }
            }
        }
        Ok(world)
    }
}

impl Contents {
    fn read(collection: &Collection) -> Result<Contents> {
        let mut contents = Contents::default();
        let ns = collection.namespace();
        for located in collection.scan(Direction::Forward)? {
            let document = Document::try_from(located?.document.as_ref()).expect("BSON");
            let id = document.get_i32("_id").expect("a number");
            let found = collection.find_by_id(id)?.expect("found by its _id");
            assert_eq!(Document::try_from(found.as_ref()).expect("BSON"), document, "{ns}");
            assert!(contents.documents.insert(id, document).is_none(), "{ns}: {id} twice");
        }
        let count = contents.documents.len();
        assert_eq!(collection.count()?, count as u64, "{ns}");
        for index in collection.indexes()? {
            let entries = collection.index_scan(&index.name, Direction::Forward)?;
            let entries = entries.collect::<Result<Vec<_>>>()?;
            assert_eq!(entries.len(), count, "{ns}: {}", index.name);
            if index.name != "_id_" {
                contents.indexes.insert(index.name);
            }
        }
        contents.has_template = collection.template()?.is_some();
        Ok(contents)
    }
}

/// Calls whatever else only reads, and finds nothing wrong with the files.
///
/// # Errors
/// The first of the engine.
pub fn inspect(engine: &Engine) -> Result<()> {
    for name in engine.database_names() {
        let database = engine.database(&name)?;
        database.stats()?;
        database.map()?;
        for name in database.collection_names()? {
            let collection = database.collection(&name)?;
            collection.stats()?;
            let validation = collection.validate(true)?;
            let ns = collection.namespace();
            assert!(validation.findings().is_empty(), "{ns}: {:?}", validation.findings());
        }
    }
    Ok(())
}

/// Salvages what `builder` would open: there is no damage.
///
/// # Errors
/// The first of the disk.
pub fn salvage(builder: EngineBuilder) -> Result<()> {
    let salvager = builder.salvage()?;
    assert!(salvager.problems().is_empty(), "{:?}", salvager.problems());
    for name in salvager.database_names() {
        let report = salvager.database(name)?;
        assert!(report.problems.is_empty(), "{name}: {:?}", report.problems);
        for found in &report.collections {
            assert!(found.problems.is_empty(), "{}: {:?}", found.ns, found.problems);
            assert_eq!(found.count() as u64, found.recorded, "{}", found.ns);
        }
    }
    Ok(())
}
