// What is typed into an interactive mongosh, and what it has to say: MONGODB_URI=… node typed.mjs MONGOSH
import { spawnSync } from 'node:child_process';

const lines = [
  ['use drivers_typed', /switched to db drivers_typed/],
  ['db.dropDatabase()', /ok: 1/],
  ['db.c.insertMany(Array.from({length: 45}, (_, n) => ({_id: n, mark: "doc" + n})))', /acknowledged: true/],
  ['show dbs', /drivers_typed +[\d.]+ [KMG]iB/],
  ['show collections', /> c$/m],
  ['db.c.find()', /mark: 'doc19'[^]*Type "it" for more/],
  ['it', /mark: 'doc39'[^]*Type "it" for more/],
  ['it', /mark: 'doc44'/],
  ['it', /no cursor/],
  ['db.c.find({_id: 3}, {_id: 0})', /\[ \{ mark: 'doc3' \} \]/],
  ['db.stats()', /db: 'drivers_typed'/],
  ['db.c.stats().count', /45/],
  ['db.serverStatus().ok', /1/],
  ['db.c.find({_id: 1}).explain().queryPlanner.winningPlan.stage', /IDHACK/],
  ['db.c.insertOne({_id: 1})', /E11000 duplicate key error/],
  ['db.setProfilingLevel(0).was', /0/],
  ['show log global', /\S/],
  ['show profile', /system\.profile|db\.setProfilingLevel/],
  ['db.dropDatabase().dropped', /drivers_typed/],
];

const mark = n => `----- ${n} -----`;
const input = lines.map(([line], n) => `${line}\nprint("${mark(n)}")\n`).join('') + 'exit\n';
const args = [process.env.MONGODB_URI, '--norc', '--quiet'];
const { stdout, stderr } = spawnSync(process.argv[2], args,
  { input, encoding: 'utf8', timeout: 120000, maxBuffer: 1 << 26 });

let rest = stdout;
let failed = 0;
lines.forEach(([line, wanted], n) => {
  const end = rest.indexOf(mark(n));
  const said = end < 0 ? rest : rest.slice(0, end);
  if (end >= 0) rest = rest.slice(end + mark(n).length);
  if (end < 0 || !wanted.test(said)) {
    failed += 1;
    console.log(`FAILED ${line}\n  wanted ${wanted}, got\n${said.slice(0, 2000)}`);
  }
});
if (failed) console.log(stderr);
console.log(`mongosh, typed: ${lines.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
