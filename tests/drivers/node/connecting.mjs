// Ways to come in: an API version, compression.
import assert from 'node:assert/strict';
import { MongoClient } from 'mongodb';
import { check, client, fails, uri } from './harness.mjs';

// What only servers that the runner starts are known to have.
const { MONGODB_SOCKET: socket, MONGODB_CERTIFICATE: certificate, MONGODB_AUTH_URI: authUri } = process.env;

async function works(options, where = uri) {
  const other = new MongoClient(where, { serverSelectionTimeoutMS: 5000, ...options });
  try {
    const c = other.db('drivers').collection('c');
    // The checks of PyMongo, on the same server, leave a document.
    await c.deleteMany({});
    await c.insertMany(Array.from({ length: 2000 }, (_, _id) => ({ _id, t: 'xyz'.repeat(100) })));
    const found = await c.find().toArray();
    await c.drop();
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

if (socket) {
  check('a unix socket', () => works({}, `mongodb://${encodeURIComponent(socket)}`));
}

if (certificate) {
  check('TLS', async () => {
    await works({ tls: true, tlsCAFile: certificate });
    const wary = client({ tls: true, serverSelectionTimeoutMS: 1000 });
    await assert.rejects(() => wary.db().command({ ping: 1 }), /certificate/);
    await wary.close();
  });
}

if (authUri) {
  check('a user', async () => {
    const auth = { username: 'root', password: 'pass' };
    await works({ auth, authSource: 'admin' }, authUri);
    const wrong = new MongoClient(authUri, { auth: { ...auth, password: 'x' }, authSource: 'admin' });
    await fails(18, () => wrong.db('drivers').collection('c').findOne());
    await wrong.close();
    const nobody = new MongoClient(authUri);
    await fails(13, () => nobody.db('drivers').collection('c').findOne());
    await nobody.close();
  });
}
