// What people type into mongosh: run by `mongosh URI script.js`. It ends with one line of how it went.
const assert = require('node:assert/strict');
const checks = {};
const number = n => Number(n);
// mongosh waits for what its own code calls, not for what Node's calls; and its arrays are of another realm.
const same = (got, wanted) => assert.equal(EJSON.stringify(got), EJSON.stringify(wanted));
function fails(code, run) {
  let error;
  try {
    run();
  } catch (raised) {
    error = raised;
  }
  assert.ok(error, `no error, code ${code}`);
  assert.equal(error.code, code, String(error));
}

checks['writes and reads'] = c => {
  assert.equal(c.insertOne({ _id: 'a', n: 1 }).insertedId, 'a');
  c.insertMany(Array.from({ length: 250 }, (_, n) => ({ _id: n, n, k: n % 5 })));
  assert.equal(c.countDocuments({ k: 3 }), 50);
  same(c.find({ n: { $lt: 3 }, _id: { $ne: 'a' } }).sort({ n: -1 }).toArray().map(d => d._id), [2, 1, 0]);
  assert.equal(c.updateOne({ _id: 'a' }, { $inc: { n: 1 } }).modifiedCount, 1);
  assert.equal(c.updateMany({ k: 1 }, { $set: { one: true } }).modifiedCount, 50);
  assert.equal(c.replaceOne({ _id: 'z' }, { x: 1 }, { upsert: true }).upsertedCount, 1);
  assert.equal(c.deleteOne({ _id: 'z' }).deletedCount, 1);
  assert.equal(c.deleteMany({ k: 4 }).deletedCount, 50);
  assert.equal(c.findOneAndUpdate({ _id: 'a' }, { $inc: { n: 5 } }).n, 2);
  assert.equal(c.findOneAndDelete({ _id: 'a' }).n, 7);
  same(c.distinct('k').sort(), [0, 1, 2, 3]);
  const sum = c.aggregate([{ $group: { _id: null, n: { $sum: '$n' } } }]).toArray()[0].n;
  assert.equal(sum, c.find().toArray().reduce((all, doc) => all + doc.n, 0));
};

checks['bulk writes'] = c => {
  const done = c.bulkWrite([{ insertOne: { document: { _id: 1 } } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { a: 1 } } } }, { deleteOne: { filter: { _id: 1 } } }]);
  same([done.insertedCount, done.modifiedCount, done.deletedCount], [1, 1, 1]);
  const bulk = c.initializeUnorderedBulkOp();
  bulk.insert({ _id: 2 });
  bulk.find({ _id: 2 }).update({ $set: { b: 1 } });
  assert.equal(bulk.execute().insertedCount, 1);
};

checks['statistics'] = (c, db) => {
  c.insertMany(Array.from({ length: 100 }, (_, n) => ({ n })));
  c.createIndex({ n: 1 });
  const stats = c.stats();
  same([stats.ns, number(stats.count), stats.nindexes], [`drivers.${c.getName()}`, 100, 2]);
  same(Object.keys(stats.indexSizes).sort(), ['_id_', 'n_1']);
  assert.equal(stats.capped, false);
  assert.ok(number(c.dataSize()) > 0 && number(c.storageSize()) > 0 && number(c.totalIndexSize()) > 0);
  assert.ok(number(c.totalSize()) >= number(c.storageSize()));
  assert.equal(db.stats().db, 'drivers');
  assert.equal(db.stats(1024).scaleFactor, 1024);
  const status = db.serverStatus();
  assert.match(status.version, /^5\.0\./);
  assert.ok(status.connections.current > 0 && status.opcounters.insert >= 0);
  assert.equal(c.validate().valid, true);
  assert.equal(c.isCapped(), false);
  assert.equal(db.version().startsWith('5.0.'), true);
  assert.ok(db.hostInfo().system);
  assert.ok(db.hello().isWritablePrimary);
  assert.ok(Array.isArray(db.currentOp().inprog));
  assert.equal(db.getProfilingStatus().was, 0);
  assert.equal(db.serverBuildInfo().bits, 64);
};

checks['indexes and plans'] = c => {
  c.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, k: n % 3 })));
  assert.equal(c.createIndex({ k: 1, n: 1 }), 'k_1_n_1');
  same(c.getIndexes().map(i => i.name), ['_id_', 'k_1_n_1']);
  assert.equal(c.find({ k: 1 }).explain().queryPlanner.winningPlan.inputStage.stage, 'IXSCAN');
  const run = c.explain('executionStats').find({ k: 1, n: { $lt: 50 } }).finish();
  assert.equal(number(run.executionStats.nReturned), 17);
  assert.ok(c.explain().aggregate([{ $match: { k: 1 } }]));
  assert.ok(c.explain().update({ k: 1 }, { $set: { x: 1 } }));
  assert.ok(c.explain().remove({ k: 1 }));
  assert.ok(c.explain().count({ k: 1 }));
  assert.ok(c.explain().distinct('k'));
  assert.equal(c.dropIndex('k_1_n_1').ok, 1);
  fails(27, () => c.dropIndex('none'));
};

checks['collections'] = (c, db) => {
  db.createCollection('log', { capped: true, size: 4096, max: 3 });
  for (let n = 0; n < 5; n += 1) db.log.insertOne({ _id: n });
  same(db.log.find().toArray().map(d => d._id), [2, 3, 4]);
  assert.ok(db.getCollectionNames().includes('log'));
  assert.equal(db.getCollectionInfos({ name: 'log' })[0].options.capped, true);
  db.log.renameCollection('old');
  assert.equal(db.old.drop(), true);
  fails(26, () => db.runCommand({ drop: "old" }));
  assert.ok(db.getMongo().getDBNames().includes('drivers'));
  assert.ok(db.adminCommand({ listDatabases: 1 }).databases.length > 0);
};

checks['errors'] = (c, db) => {
  c.insertOne({ _id: 1 });
  fails(11000, () => c.insertOne({ _id: 1 }));
  fails(59, () => db.runCommand({ nonsense: 1 }));
  fails(9, () => c.updateOne({ _id: 1 }, { $nonsense: { a: 1 } }));
  fails(2, () => c.find({ $nonsense: 1 }).toArray());
  fails(76, () => rs.status());
  fails(40573, () => c.watch().tryNext());
};

checks['cursors'] = c => {
  c.insertMany(Array.from({ length: 1000 }, (_, _id) => ({ _id })));
  assert.equal(c.find().batchSize(7).toArray().length, 1000);
  assert.equal(c.find().limit(150).itcount(), 150);
  const cursor = c.find().batchSize(10);
  cursor.next();
  cursor.close();
  assert.equal(c.find().skip(990).objsLeftInBatch(), 0);
};

checks['sessions'] = (c, db) => {
  const session = db.getMongo().startSession();
  const inside = session.getDatabase('drivers')[c.getName()];
  inside.insertOne({ _id: 1 });
  assert.equal(inside.countDocuments(), 1);
  session.endSession();
};

const db_ = db.getSiblingDB('drivers');
let failed = 0;
Object.entries(checks).forEach(([name, run], at) => {
  try {
    run(db_[`c${at}`], db_);
  } catch (error) {
    failed += 1;
    print(`FAILED ${name}\n${error.stack.split('\n').slice(0, 9).join('\n')}`);
  }
});
db_.dropDatabase();
print(`mongosh ${version()}: ${Object.keys(checks).length - failed} passed, ${failed} failed`);
quit(failed ? 1 : 0);
