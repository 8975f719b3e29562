// What docs/clients.md doesn't show of the npm package: pages, files, a refusal, a wrong key, too many at once.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const { V1, KEY, BUSY_KEY, PICTURE, PICTURE_URL } = process.env;
const connect = (apiKey, options = {}) => new OpenAI({ baseURL: V1, apiKey, maxRetries: 0, ...options });
const client = connect(KEY);
const order = { model: "seedance-2.0", prompt: "The ferry leaves", seconds: "5", size: "854x480" };

async function ended(id) {
  for (;;) {
    const { data, response } = await client.videos.retrieve(id).withResponse();
    if (!["queued", "in_progress"].includes(data.status)) return data;
    assert.equal(response.headers.get("openai-poll-after-ms"), "1000");
    await new Promise((done) => setTimeout(done, 50));
  }
}

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("it wasn't refused");
}

const models = await client.models.list();
assert.ok(models.data.some((model) => model.id === order.model && model.object === "model"));

const picture = await toFile(Buffer.from(PICTURE, "base64"), "first-frame.png", { type: "image/png" });
const first = await client.videos.create({ ...order, input_reference: picture });
const second = await client.videos.create({ ...order, input_reference: { image_url: PICTURE_URL } });
for (const { id } of [first, second]) {
  const video = await ended(id);
  assert.deepEqual([video.object, video.status, video.progress, video.error], ["video", "completed", 100, null]);
  assert.deepEqual([video.seconds, video.size, video.prompt], ["5", "854x480", order.prompt]);
}
const film = await client.videos.downloadContent(first.id);
assert.equal(film.headers.get("content-type"), "video/mp4");
assert.equal(Buffer.from(await film.arrayBuffer()).toString("latin1", 4, 8), "ftyp");
const thumbnail = await client.videos.downloadContent(first.id, { variant: "thumbnail" });
assert.equal(thumbnail.headers.get("content-type"), "image/jpeg");

const ids = async (query) => {
  const found = [];
  for await (const video of client.videos.list(query)) found.push(video.id);
  return found;
};
assert.deepEqual(await ids({ limit: 1 }), [second.id, first.id]);
assert.deepEqual(await ids({ limit: 1, order: "asc" }), [first.id, second.id]);
assert.deepEqual(await client.videos.delete(first.id), { id: first.id, object: "video.deleted", deleted: true });
assert.deepEqual(await ids({}), [second.id]);

const wrongSize = await refusal(client.videos.create({ ...order, size: "1000x100" }));
assert.ok(wrongSize instanceof OpenAI.BadRequestError);
assert.deepEqual([wrongSize.status, wrongSize.param, wrongSize.code], [400, "size", "INVALID_REQUEST"]);
assert.equal(wrongSize.type, "invalid_request_error");
const gone = await refusal(client.videos.retrieve(first.id));
assert.ok(gone instanceof OpenAI.NotFoundError);
const unfinished = await refusal(connect(BUSY_KEY).videos.downloadContent(process.env.BUSY_ID));
assert.deepEqual([unfinished.status, unfinished.code], [404, "NO_FILE"]);

const stranger = await refusal(connect("cf_guessed").videos.create(order));
assert.ok(stranger instanceof OpenAI.AuthenticationError);
assert.equal(stranger.code, "UNAUTHORIZED");

const busy = await refusal(connect(BUSY_KEY).videos.create(order));
assert.ok(busy instanceof OpenAI.RateLimitError);
assert.deepEqual([busy.code, busy.headers.get("retry-after")], ["TOO_MANY_JOBS", "30"]);

// The SDK's own retries: a conflict isn't repeated, although the SDK would.
let asked = 0;
const counted = (url, options) => {
  asked += String(url).startsWith("http") ? 1 : 0; // the SDK tries what `fetch` can with a data URL
  return fetch(url, options);
};
const counting = connect(KEY, { maxRetries: 2, fetch: counted });
const headers = { "Idempotency-Key": "once" };
const once = await counting.videos.create(order, { headers });
const again = await counting.videos.create(order, { headers });
assert.equal(again.id, once.id);
const conflict = await refusal(counting.videos.create({ ...order, prompt: "Another" }, { headers }));
assert.ok(conflict instanceof OpenAI.ConflictError);
assert.equal(asked, 3);
console.log("all is well");
