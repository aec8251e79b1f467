// A client on @grpc/grpc-js without generated code: messages are bytes. Arguments: HOST:PORT CA-FILE KEY SANDBOX.
// Says what GetSandbox, StreamLogs and StreamExec gave, a line each.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');

const [target, ca, key, sandbox] = process.argv.slice(2);
const service = '/coreweave.sandbox.v1.SandboxService/';
const same = (x) => x;
const text = (number, value) => {
  const data = Buffer.from(value);
  return Buffer.concat([Buffer.from([(number << 3) | 2, data.length]), data]);
};
const id = text(1, sandbox);
const client = new grpc.Client(target, grpc.credentials.createSsl(fs.readFileSync(ca)));
const known = new grpc.Metadata();
known.set('authorization', 'Bearer ' + key);

const ask = (metadata) => new Promise((resolve) => client.makeUnaryRequest(
  service + 'GetSandbox', same, same, id, metadata, { deadline: Date.now() + 60000 },
  (error, answer) => resolve(error ? 'refused ' + grpc.status[error.code] : 'GetSandbox ' + answer.toString('latin1'))));

const drain = (name, stream) => new Promise((resolve, reject) => {
  const all = [];
  stream.on('data', (one) => all.push(one));
  stream.on('error', reject);
  stream.on('end', () => resolve(name + ' ' + Buffer.concat(all).toString('latin1')));
});

(async () => {
  console.log(await ask(new grpc.Metadata()));
  console.log(await ask(known));
  console.log(await drain('StreamLogs', client.makeServerStreamRequest(service + 'StreamLogs', same, same, id, known)));
  const exec = client.makeBidiStreamRequest(service + 'StreamExec', same, same, known);
  exec.write(text(1, Buffer.concat([id, text(2, 'echo'), text(2, 'from the program')])));
  exec.end();
  console.log(await drain('StreamExec', exec));
  client.close();
})().catch((error) => { console.error(error); process.exit(1); });
