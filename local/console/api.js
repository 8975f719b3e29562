// The HTTP API as a front end calls it, and the few local endpoints that `make dev` adds.

/** A request that came to nothing. */
export class Failed extends Error {}

export class Refused extends Failed {
  constructor(status, { code, message, details }) {
    super(message);
    Object.assign(this, { status, code, details: details ?? {} });
  }
}

/** There was no answer, or none in our envelope. */
export class Unreachable extends Failed {}

/** Returns what `work` does; where a request of it fails, what `otherwise(error)` does. */
export const attempt = (work, otherwise = () => null) => work().catch((error) => {
  if (!(error instanceof Failed)) throw error;
  return otherwise(error);
});

const TIMEOUT = 35_000; // the server may wait 20 s for a provider
let token = null;
let reachable = () => {};

let isPublic = false;

/** `isNoSecret` is the development user's token's alone. */
export const signInAs = (found, isNoSecret = false) => { [token, isPublic] = [found, isNoSecret]; };
export const exampleToken = () => (isPublic ? token : "$TOKEN");
/** `listener(isReachable)` is called after each request. */
export const onReachable = (listener) => { reachable = listener; };

async function call(method, path, body, headers = {}) {
  const request = { method, headers: { ...headers }, signal: AbortSignal.timeout(TIMEOUT) };
  if (token && path.startsWith("/api/")) request.headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  let status, answer;
  try {
    const response = await fetch(path, request);
    status = response.status;
    answer = await response.json();
  } catch {
    reachable(false);
    throw new Unreachable();
  }
  if (typeof answer?.success !== "boolean") {
    reachable(false);
    throw new Unreachable();
  }
  reachable(true);
  if (!answer.success) throw new Refused(status, answer.error);
  return answer.data;
}

const video = (uuid) => `/api/v1/video/${encodeURIComponent(uuid)}`;

export const session = () => call("GET", "/local/session");
export const misconfigured = () => call("GET", "/local/misconfigured");
export const timeline = (uuid) => call("GET", `/local/videos/${encodeURIComponent(uuid)}/timeline`);
export const records = (uuid) => call("GET", `/local/videos/${encodeURIComponent(uuid)}/records`);
export const provider = (name) => call("GET", `/local/providers/${name}`);
export const setProvider = (name, chosen) => call("PUT", `/local/providers/${name}`, chosen);

/** `language` is a code such as `zh`: the models are described in it, as far as the catalogue can. */
export const models = (language) => call("GET", "/api/v1/config/models", undefined, { "Accept-Language": language });
export const me = () => call("GET", "/api/v1/user/me");
export const balance = () => call("GET", "/api/v1/credit/balance");
export const list = ({ cursor, status, limit = 20 }) => call("GET", `/api/v1/video/list?${new URLSearchParams({ limit, ...(cursor && { cursor }), ...(status && { status }) })}`);
export const history = () => call("GET", "/api/v1/credit/history?limit=50");
export const one = (uuid) => call("GET", video(uuid));
export const status = (uuid) => call("GET", `${video(uuid)}/status`);
export const remove = (uuid) => call("DELETE", video(uuid));
export const retry = (uuid) => call("POST", `${video(uuid)}/retry`);
/** With the same `key` a request can be sent again without making a second video. */
export const generate = (order, key) => call("POST", "/api/v1/video/generate", order, { "Idempotency-Key": key });

export async function grant(credits) {
  const { id } = await me();
  return call("POST", "/api/v1/credit/grant", { userId: id, credits, orderNo: `console-${crypto.randomUUID()}` });
}

/** Uploads the image to the presigned URL; returns its public URL. */
export async function upload(file) {
  const place = await call("POST", "/api/v1/upload/presign", { filename: file.name, contentType: file.type, contentLength: file.size });
  const response = await fetch(place.uploadUrl, { method: "PUT", body: file, headers: { "Content-Type": file.type } }).catch(() => null);
  if (!response?.ok) throw new Refused(response?.status ?? 0, { code: "UPLOAD_FAILED", message: "" });
  return place.publicUrl;
}
