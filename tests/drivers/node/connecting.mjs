// Ways to come in: an API version, compression.
import assert from 'node:assert/strict';
import { check, client, fails } from './harness.mjs';

async function works(options) {
  const other = client(options);
  try {
    const c = other.db('drivers').collection('c');
    await c.insertMany(Array.from({ length: 2000 }, (_, _id) => ({ _id, t: 'xyz'.repeat(100) })));
    const found = await c.find().toArray();
    assert.equal(found.filter(doc => doc.t === 'xyz'.repeat(100)).length, 2000);
  } finally {
    await other.close();
  }
}

check('an API version', async () => {
  await works({ serverApi: { version: '1' } });
  const strict = client({ serverApi: { version: '1', strict: true } });
  await fails(323, () => strict.db('drivers').command({ collStats: 'c' }));
  await strict.close();
});

for (const name of ['zlib', 'snappy']) {
  check(`compressed by ${name}`, async (_, shared) => {
    const hello = await shared.db('admin').command({ hello: 1, compression: [name] });
    assert.deepEqual(hello.compression, [name]);
    await works({ compressors: [name] });
  });
}
