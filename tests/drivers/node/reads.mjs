// Cursors, aggregation, indexes, lists, statistics.
import assert from 'node:assert/strict';
import { check, fails } from './harness.mjs';

const docs = Array.from({ length: 1000 }, (_, n) => ({ _id: n, k: n % 7, n }));
const range = (from, to) => docs.slice(from, to).map(doc => doc._id);
const ids = async cursor => (await cursor.toArray()).map(doc => doc._id);

check('cursors of many batches', async db => {
  const c = db.collection('c');
  await c.insertMany(docs);
  for (const batchSize of [2, 17, 101, 1000, 5000]) {
    assert.deepEqual(await ids(c.find().sort({ _id: 1 }).batchSize(batchSize)), range(0, 1000));
    assert.deepEqual(await ids(c.aggregate([{ $sort: { _id: 1 } }], { batchSize })), range(0, 1000));
  }
  const cursor = c.find().sort({ _id: 1 }).skip(10).limit(205).batchSize(50);
  assert.deepEqual(await ids(cursor), range(10, 215));
  const closed = c.find().batchSize(2);
  await closed.next();
  await closed.close();
  let sum = 0;
  for await (const doc of c.find({ k: 3 }).project({ n: 1 }).batchSize(10)) sum += doc.n;
  assert.equal(sum, docs.filter(doc => doc.k === 3).reduce((all, doc) => all + doc.n, 0));
  assert.equal(await c.countDocuments({ k: 3 }), 143);
  assert.equal(await c.estimatedDocumentCount(), 1000);
  assert.deepEqual((await c.distinct('k', { n: { $lt: 3 } })).sort(), [0, 1, 2]);
});

check('tailable cursors', async db => {
  const c = await db.createCollection('log', { capped: true, size: 100000 });
  await c.insertMany([{ _id: 1 }, { _id: 2 }]);
  const cursor = c.find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 100 });
  assert.equal((await cursor.next())._id, 1);
  assert.equal((await cursor.next())._id, 2);
  assert.equal(await cursor.tryNext(), null);
  await c.insertOne({ _id: 3 });
  assert.equal((await cursor.next())._id, 3);
  await cursor.close();
});

check('aggregation', async db => {
  const c = db.collection('c');
  await c.insertMany(docs);
  const found = await c.aggregate([{ $match: { n: { $gte: 100 } } },
    { $group: { _id: '$k', n: { $sum: '$n' }, count: { $sum: 1 } } }, { $sort: { _id: 1 } }]).toArray();
  const wanted = [0, 1, 2, 3, 4, 5, 6].map(k => {
    const part = docs.filter(doc => doc.k === k && doc.n >= 100);
    return { _id: k, n: part.reduce((all, doc) => all + doc.n, 0), count: part.length };
  });
  assert.deepEqual(found, wanted);
  await c.aggregate([{ $group: { _id: '$k', n: { $sum: 1 } } }, { $out: 'out' }]).toArray();
  assert.equal(await db.collection('out').countDocuments(), 7);
});

check('indexes and plans', async db => {
  const c = db.collection('c');
  await c.insertMany(docs);
  assert.equal(await c.createIndex({ k: 1, n: -1 }), 'k_1_n_-1');
  assert.deepEqual(await c.createIndexes([{ key: { n: 1 }, name: 'one' }, { key: { x: 1 }, sparse: true }]),
    ['one', 'x_1']);
  assert.deepEqual((await c.indexes()).map(index => index.name), ['_id_', 'k_1_n_-1', 'one', 'x_1']);
  const plan = await c.find({ k: 3 }).sort({ n: -1 }).explain('executionStats');
  assert.equal(plan.queryPlanner.winningPlan.inputStage.indexName, 'k_1_n_-1');
  assert.equal(plan.executionStats.nReturned, 143);
  assert.equal(await c.indexExists('one'), true);
  await c.dropIndex('one');
  await fails(27, () => c.dropIndex('one'));
  await c.dropIndexes();
  assert.equal((await c.listIndexes().toArray()).length, 1);
});

check('lists and statistics', async (db, client) => {
  await db.collection('a').insertMany(docs);
  await db.createCollection('b', { capped: true, size: 4096 });
  assert.deepEqual((await db.listCollections({}, { nameOnly: true }).toArray()).map(c => c.name).sort(),
    ['a', 'b']);
  assert.equal(await db.collection('b').isCapped(), true);
  assert.ok((await client.db().admin().listDatabases()).databases.some(d => d.name === 'drivers'));
  assert.equal((await db.stats()).db, 'drivers');
  assert.equal((await db.command({ collStats: 'a' })).count, 1000);
  assert.equal((await client.db().admin().validateCollection('a').catch(e => e.message)).length > 0, true);
  assert.match((await client.db().admin().serverStatus()).version, /^5\.0\./);
  assert.match((await client.db().admin().buildInfo()).version, /^5\.0\./);
  await db.renameCollection('a', 'c');
  assert.equal(await db.collection('c').estimatedDocumentCount(), 1000);
  assert.equal(await db.collection('c').drop(), true);
});
