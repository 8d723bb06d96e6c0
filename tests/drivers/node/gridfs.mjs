// GridFS, up and down.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GridFSBucket } from 'mongodb';
import { check } from './harness.mjs';

const read = async stream => Buffer.concat(await stream.toArray());

check('GridFS', async db => {
  const bucket = new GridFSBucket(db, { chunkSizeBytes: 100000 });
  const data = randomBytes(1234567);
  const upload = bucket.openUploadStream('a', { metadata: { k: 1 } });
  await pipeline(Readable.from([data.subarray(0, 500), data.subarray(500)]), upload);
  assert.ok(data.equals(await read(bucket.openDownloadStream(upload.id))));
  assert.equal(await db.collection('fs.chunks').countDocuments({ files_id: upload.id }), 13);
  const part = await read(bucket.openDownloadStreamByName('a', { start: 99999, end: 200001 }));
  assert.ok(data.subarray(99999, 200001).equals(part));
  assert.equal((await bucket.find({ filename: 'a' }).toArray())[0].length, 1234567);
  await bucket.rename(upload.id, 'b');
  await bucket.delete(upload.id);
  assert.equal(await db.collection('fs.chunks').countDocuments(), 0);
  await assert.rejects(() => read(bucket.openDownloadStreamByName('b')), /not found/);
});
