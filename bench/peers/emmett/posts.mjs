// The rows' subject on emmett's MongoDB event store. Reads one order a line, {do, count, callers?, events?}; answers each with
// {rate}: commands per second.
import { createInterface } from 'node:readline';
import { CommandHandler } from '@event-driven-io/emmett';
import { getMongoDBEventStore, toStreamName } from '@event-driven-io/emmett-mongodb';
import { MongoClient } from 'mongodb';

const [url, database] = process.argv.slice(2);
const client = new MongoClient(url, { writeConcern: { w: 'majority', j: true } });
await client.connect();
const store = getMongoDBEventStore({ client, storage: { type: 'COLLECTION_PER_STREAM_TYPE', databaseName: database } });

const handle = CommandHandler({
  initialState: () => ({ tracked: false, views: 0 }),
  evolve: (state, event) => ({ tracked: true, views: event.data.organic?.views ?? state.views }),
  // A conflict is read and decided again, as ours is.
  retry: { onVersionConflict: 100 },
});

const post = (id) => {
  const ids = Object.fromEntries(['campaign', 'brand', 'creator'].map((of) => [`${of}_id`, `${of.slice(0, 3)}_${id}`]));
  return { post_id: `pst_${id}`, ...ids };
};
const tracked = (id) => ({
  type: 'PostTracked',
  data: {
    ...post(id),
    contract_id: `ctr_${id}`,
    platform: 'tiktok',
    url: `https://www.tiktok.com/@ana/video/${id}`,
    posted_at: '2026-11-22T14:00:00Z',
  },
});
const reported = (id, views) => ({
  type: 'MetricsReported',
  data: {
    ...post(id),
    captured_at: '2026-11-22T14:00:00Z',
    source: 'platform_api',
    organic: {
      views,
      likes: Math.floor(views / 10),
      comments: Math.floor(views / 100),
      shares: Math.floor(views / 200),
      saves: null,
      reach: Math.floor(views / 2),
      clicks: null,
      watch_seconds: null,
    },
    paid: null,
  },
});

const stream = (id) => toStreamName('post', id);
const fresh = (count) => Array.from({ length: count }, () => crypto.randomUUID().replaceAll('-', ''));
const report = (id, views) => handle(store, stream(id), (state) => reported(id, Math.max(views, state.views)));
let loaded = [];

async function saturate(callers, jobs, work) {
  let next = 0;
  const call = async () => {
    while (next < jobs.length) {
      const number = next++;
      await work(jobs[number], number);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: callers }, call));
  return (jobs.length / (performance.now() - began)) * 1000;
}

const orders = {
  load: async ({ count, events }) => {
    loaded = fresh(count);
    return saturate(8, loaded, (id) =>
      store.appendToStream(stream(id), [
        tracked(id),
        ...Array.from({ length: events - 1 }, (_, number) => reported(id, (number + 1) * 1000)),
      ]),
    );
  },
  append: ({ count, callers }) => saturate(callers, fresh(count), (id) => handle(store, stream(id), () => tracked(id))),
  decide: ({ count, callers }) =>
    saturate(
      callers,
      Array.from({ length: count }, (_, number) => loaded[number % loaded.length]),
      report,
    ),
};

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line);
  console.log(JSON.stringify({ rate: await orders[order.do](order) }));
}
await client.close();
