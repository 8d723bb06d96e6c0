// The common surface of the Node driver on a server of ours: MONGODB_URI=… node main.mjs
import { createRequire } from 'node:module';
import { runAll } from './harness.mjs';
import './writes.mjs';
import './reads.mjs';
import './refused.mjs';
import './gridfs.mjs';
import './connecting.mjs';

const { version } = createRequire(import.meta.url)('mongodb/package.json');
await runAll(`Node ${version}`);
