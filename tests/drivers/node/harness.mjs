// Checks, run one after the other, each on an empty database.
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';

export const uri = process.env.MONGODB_URI;
const checks = [];

/** Marks a check: it gets an empty database and a client. */
export function check(name, run) {
  checks.push({ name, run });
}

/** A client that does not wait long for a server that is not there. */
export function client(options = {}) {
  return new MongoClient(uri, { serverSelectionTimeoutMS: 5000, ...options });
}

/** Fails unless `run` is refused with this code; the error. */
export async function fails(code, run) {
  let error;
  try {
    await run();
  } catch (raised) {
    error = raised;
  }
  assert.ok(error, `no error, code ${code}`);
  assert.equal(error.code, code, String(error));
  return error;
}

export async function runAll(name) {
  const shared = client();
  let failed = 0;
  for (const { name: what, run } of checks) {
    const db = shared.db('drivers');
    await db.dropDatabase();
    try {
      await run(db, shared);
    } catch (error) {
      failed += 1;
      console.log(`FAILED ${what}\n${error.stack}`);
    }
  }
  await shared.db('drivers').dropDatabase();
  await shared.close();
  console.log(`${name}: ${checks.length - failed} passed, ${failed} failed`);
  process.exit(failed ? 1 : 0);
}
