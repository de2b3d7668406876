// A connection that is lost at the worst moment: between two events, and in the middle of one.
import { connect, createServer } from 'node:net';

/**
 * Passes connections on to `target` and cuts streams of answers: the first right after its first rows arrived, the
 * second with half of what it was about to pass on. `cuts` counts them.
 */
export async function startProxy(target) {
  const proxy = { cuts: 0 };
  const server = createServer((client) => pass(client, target, proxy));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${server.address().port}`;
  proxy.stop = () => server.close();
  return proxy;
}

function pass(client, target, proxy) {
  const server = connect({ host: target.hostname, port: target.port });
  const both = [client, server];
  both.forEach((socket) => socket.on('error', () => {}));
  both.forEach((socket, index) => socket.on('close', () => both[1 - index].destroy()));
  client.pipe(server);
  server.on('data', (bytes) => {
    if (!bytes.includes('"rows":[{')) return client.write(bytes);
    if (proxy.cuts >= 2) return client.write(bytes);
    proxy.cuts += 1;
    const passed = proxy.cuts === 1 ? bytes : bytes.subarray(0, bytes.length >> 1);
    client.end(passed);
    server.destroy();
  });
}
