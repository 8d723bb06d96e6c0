// CRUD, bulk writes, findOneAnd…, sums of many at once.
import assert from 'node:assert/strict';
import { Long } from 'mongodb';
import { check, fails } from './harness.mjs';

check('inserts, updates, deletes', async db => {
  const c = db.collection('c');
  assert.equal((await c.insertOne({ _id: 'a', n: 1 })).insertedId, 'a');
  const many = await c.insertMany(Array.from({ length: 5 }, (_, n) => ({ _id: n, n })));
  assert.equal(many.insertedCount, 5);
  const one = await c.updateOne({ _id: 1 }, { $inc: { n: 5 } });
  assert.deepEqual([one.matchedCount, one.modifiedCount, one.upsertedId], [1, 1, null]);
  const same = await c.updateOne({ _id: 1 }, { $set: { n: 6 } });
  assert.deepEqual([same.matchedCount, same.modifiedCount], [1, 0]);
  const all = await c.updateMany({ n: { $lt: 4 } }, { $inc: { n: 1 } });
  assert.deepEqual([all.matchedCount, all.modifiedCount], [4, 4]);
  const made = await c.replaceOne({ _id: 'z' }, { n: 0 }, { upsert: true });
  assert.deepEqual([made.matchedCount, made.upsertedCount, made.upsertedId], [0, 1, 'z']);
  assert.equal((await c.deleteOne({ _id: 'z' })).deletedCount, 1);
  assert.equal((await c.deleteMany({ n: { $gt: 3 } })).deletedCount, 3);
  assert.deepEqual(await c.find().sort({ n: 1, _id: 1 }).toArray(),
    [{ _id: 0, n: 1 }, { _id: 'a', n: 2 }, { _id: 2, n: 3 }]);
});

check('bulk writes', async db => {
  const c = db.collection('c');
  const result = await c.bulkWrite([
    { insertOne: { document: { _id: 1, n: 1 } } },
    { insertOne: { document: { _id: 2, n: 2 } } },
    { updateOne: { filter: { _id: 1 }, update: { $set: { n: 10 } } } },
    { updateMany: { filter: {}, update: { $inc: { n: 1 } } } },
    { replaceOne: { filter: { _id: 3 }, replacement: { n: 3 }, upsert: true } },
    { deleteOne: { filter: { _id: 2 } } },
  ]);
  assert.deepEqual([result.insertedCount, result.matchedCount, result.modifiedCount,
    result.upsertedIds, result.deletedCount], [2, 3, 3, { 4: 3 }, 1]);
  const twice = [1, 5, 1, 6].map(_id => ({ insertOne: { document: { _id } } }));
  const ordered = await fails(11000, () => c.bulkWrite(twice));
  assert.deepEqual([ordered.result.insertedCount, ordered.writeErrors.map(e => e.index)], [0, [0]]);
  const unordered = await fails(11000, () => c.bulkWrite(twice, { ordered: false }));
  assert.deepEqual(unordered.writeErrors.map(e => [e.index, e.code]), [[0, 11000], [2, 11000]]);
  assert.equal(unordered.result.insertedCount, 2);
  assert.equal(await c.countDocuments(), 4);
});

check('a unique index in a bulk', async db => {
  const c = db.collection('c');
  await c.createIndex({ u: 1 }, { unique: true });
  const error = await fails(11000, () => c.insertMany([{ u: 1 }, { u: 2 }, { u: 1 }, { u: 3 }]));
  assert.equal(error.result.insertedCount, 2);
  const one = await fails(11000, () => c.insertOne({ u: 2 }));
  assert.deepEqual([one.keyPattern, one.keyValue], [{ u: 1 }, { u: 2 }]);
});

check('find one and …', async db => {
  const c = db.collection('c');
  await c.insertMany([{ _id: 1, n: 1 }, { _id: 2, n: 2 }]);
  assert.deepEqual(await c.findOneAndUpdate({ _id: 1 }, { $inc: { n: 1 } }), { _id: 1, n: 1 });
  const after = { returnDocument: 'after' };
  assert.deepEqual(await c.findOneAndUpdate({}, { $inc: { n: 5 } }, { ...after, sort: { _id: -1 },
    projection: { _id: 0 } }), { n: 7 });
  assert.deepEqual(await c.findOneAndReplace({ _id: 9 }, { x: 1 }, { ...after, upsert: true }),
    { _id: 9, x: 1 });
  assert.deepEqual(await c.findOneAndDelete({ _id: 9 }), { _id: 9, x: 1 });
  assert.equal(await c.findOneAndDelete({ _id: 9 }), null);
  const whole = await c.findOneAndUpdate({ _id: 9 }, { $set: { n: 1 } },
    { upsert: true, includeResultMetadata: true });
  assert.deepEqual(whole.lastErrorObject, { n: 1, updatedExisting: false, upserted: 9 });
});

check('no acknowledgement, and a durable one', async db => {
  const silent = db.collection('c', { writeConcern: { w: 0 } });
  for (let n = 0; n < 200; n += 1) await silent.insertOne({ _id: n });
  await silent.insertOne({ _id: 5 });
  const c = db.collection('c');
  for (let n = 0; n < 1000 && (await c.countDocuments()) < 200; n += 1);
  assert.equal(await c.countDocuments(), 200);
  const durable = await c.insertOne({ _id: 'j' }, { writeConcern: { w: 1, j: true } });
  assert.equal(durable.acknowledged, true);
  await fails(2, () => c.insertOne({ _id: 'w' }, { writeConcern: { w: 2 } }));
  assert.equal(await c.countDocuments(), 201);
});

check('eight clients add up', async (db, client) => {
  const c = client.db('drivers').collection('c');
  await c.insertOne({ _id: 1, n: 0, long: Long.fromNumber(2 ** 40) });
  const work = async () => {
    for (let n = 0; n < 250; n += 1) await c.updateOne({ _id: 1 }, { $inc: { n: 1, long: n } });
  };
  await Promise.all(Array.from({ length: 8 }, work));
  const found = await c.findOne({ _id: 1 });
  assert.equal(found.n, 2000);
  assert.equal(Number(found.long), 2 ** 40 + 8 * (250 * 249) / 2);
});
