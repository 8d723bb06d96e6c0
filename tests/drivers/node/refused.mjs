// What is refused, and how; what only replica sets have; sessions.
import assert from 'node:assert/strict';
import { check, client, fails } from './harness.mjs';

check('codes and their names', async db => {
  const named = async (code, name, run) => assert.equal((await fails(code, run)).codeName, name);
  await named(59, 'CommandNotFound', () => db.command({ nonsense: 1 }));
  await named(26, 'NamespaceNotFound', () => db.command({ drop: 'none' }));
  await named(40415, 'Location40415', () => db.command({ find: 'c', nonsense: 1 }));
  await named(2, 'BadValue', () => db.collection('c').find({ $nonsense: 1 }).toArray());
  await named(40324, 'Location40324', () => db.collection('c').aggregate([{ $nonsense: 1 }]).toArray());
  await named(13, 'Unauthorized', () => db.command({ listDatabases: 1 }));
  await named(73, 'InvalidNamespace', () => db.command({ create: 'a$b' }));
  await db.collection('c').insertOne({ _id: 1, s: 'text' });
  await fails(14, () => db.collection('c').updateOne({ _id: 1 }, { $inc: { s: 1 } }));
  await fails(66, () => db.collection('c').updateOne({ _id: 1 }, { $set: { _id: 2 } }));
  await fails(43, () => db.command({ getMore: 123456789n, collection: 'c' }, { useBigInt64: true }));
});

check('change streams and transactions are for replica sets', async (db, shared) => {
  await fails(40573, () => db.collection('c').watch([], { maxAwaitTimeMS: 100 }).next());
  const session = shared.startSession();
  session.startTransaction();
  const insert = () => db.collection('c').insertOne({ _id: 1 }, { session });
  await assert.rejects(insert, /ransaction|retryable writes/);
  await session.abortTransaction().catch(() => {});
  await session.endSession();
  assert.equal(await db.collection('c').countDocuments(), 0);
});

check('sessions', async (db, shared) => {
  await db.collection('c').insertMany(Array.from({ length: 300 }, (_, _id) => ({ _id })));
  await shared.withSession(async session => {
    const found = await db.collection('c').find({}, { session, batchSize: 10 }).toArray();
    assert.equal(found.length, 300);
    await db.collection('c').updateMany({}, { $set: { s: 1 } }, { session });
    assert.equal(await db.collection('c').countDocuments({ s: 1 }, { session }), 300);
  });
});

check('commands are told', async () => {
  const other = client({ monitorCommands: true });
  const seen = [];
  other.on('commandStarted', event => seen.push(event.commandName));
  other.on('commandSucceeded', event => seen.push(event.reply.ok));
  other.on('commandFailed', event => seen.push(event.failure.code));
  await other.db('drivers').command({ ping: 1 });
  await fails(59, () => other.db('drivers').command({ nonsense: 1 }));
  await other.close();
  assert.deepEqual(seen.slice(0, 4), ['ping', 1, 'nonsense', 59]);
});
