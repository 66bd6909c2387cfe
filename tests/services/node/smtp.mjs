// A mail server (nodemailer's smtp-server) that keeps what it takes, for tests, and can be told to refuse, to hang and to vanish.
// `node smtp.mjs HOST PORT CONTROL_PORT [starttls] [login]`; the login that is right is `mailer` with the password `right & proper`.
// GET /mails, POST /fault {at: 'rcpt' | 'data', code, hang, vanish, times}, on the control port.
import { createServer } from 'node:http';
import { SMTPServer } from 'smtp-server';

const [host, port, controlPort, ...options] = process.argv.slice(2);
const tries = [];
const mails = [];
let faults = [];

function fault(at) {
  const found = faults.find((one) => one.at === at && one.times > 0);
  if (found) found.times -= 1;
  return found;
}

function refusal(code) {
  return Object.assign(new Error('not now, or never'), { responseCode: code });
}

function cut(session) {
  for (const connection of smtp.connections) if (connection.id === session.id) connection._socket.destroy();
}

const smtp = new SMTPServer({
  authOptional: !options.includes('login'),
  allowInsecureAuth: true,
  disabledCommands: options.includes('starttls') ? [] : ['STARTTLS'],
  logger: false,
  onAuth(auth, _session, done) {
    const isRight = auth.username === 'mailer' && auth.password === 'right & proper';
    done(isRight ? null : refusal(535), isRight ? { user: 'mailer' } : undefined);
  },
  onRcptTo(_address, _session, done) {
    const wrong = fault('rcpt');
    done(wrong ? refusal(wrong.code) : null);
  },
  onData(stream, session, done) {
    const wrong = fault('data');
    const chunks = [];
    const mail = () => ({ to: session.envelope.rcptTo.map((one) => one.address), raw: Buffer.concat(chunks).toString('utf8') });
    stream.on('data', (chunk) => {
      chunks.push(chunk);
      if (!wrong?.vanish || chunks.length > 1) return;
      tries.push(mail());
      cut(session);
    });
    stream.on('end', () => {
      if (wrong?.vanish) return undefined;
      tries.push(mail());
      if (wrong?.hang) return undefined;
      if (wrong) return done(refusal(wrong.code));
      mails.push(mail());
      return done();
    });
  },
});
smtp.on('error', (error) => console.error(error.message));

async function body(request) {
  let raw = '';
  for await (const piece of request) raw += piece;
  return JSON.parse(raw || '{}');
}

createServer(async (request, response) => {
  if (request.method === 'POST') faults.push({ times: 1, code: 451, ...(await body(request)) });
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ mails, tries }));
}).listen(Number(controlPort), host, () => smtp.listen(Number(port), host));
