// The HTTP API as a front end calls it, and the few local endpoints that `make dev` adds.

export class Refused extends Error {
  constructor(status, { code, message, details }) {
    super(message);
    Object.assign(this, { status, code, details: details ?? {} });
  }
}

/** Nobody answered, or nobody who speaks our envelope. */
export class Away extends Error {}

const PATIENCE = 35_000; // an order may wait 20 s for its provider
let token = null;
let heard = () => {};

export const signInAs = (found) => { token = found; };
/** `listener(isThere)` is told after each request whether the server answered. */
export const whenHeard = (listener) => { heard = listener; };

async function call(method, path, body, headers = {}) {
  const request = { method, headers: { ...headers }, signal: AbortSignal.timeout(PATIENCE) };
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
    heard(false);
    throw new Away();
  }
  if (typeof answer?.success !== "boolean") {
    heard(false);
    throw new Away();
  }
  heard(true);
  if (!answer.success) throw new Refused(status, answer.error);
  return answer.data;
}

const video = (uuid) => `/api/v1/video/${encodeURIComponent(uuid)}`;

export const session = () => call("GET", "/local/session");
export const timeline = (uuid) => call("GET", `/local/videos/${encodeURIComponent(uuid)}/timeline`);
export const provider = (name) => call("GET", `/local/providers/${name}`);
export const setProvider = (name, chosen) => call("PUT", `/local/providers/${name}`, chosen);

export const models = () => call("GET", "/api/v1/config/models");
export const me = () => call("GET", "/api/v1/user/me");
export const balance = () => call("GET", "/api/v1/credit/balance");
export const list = (cursor) => call("GET", `/api/v1/video/list?limit=20${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const status = (uuid) => call("GET", `${video(uuid)}/status`);
export const remove = (uuid) => call("DELETE", video(uuid));
export const retry = (uuid) => call("POST", `${video(uuid)}/retry`);
/** The same `key` again is the same order: what got lost on the way can be sent once more. */
export const generate = (order, key) => call("POST", "/api/v1/video/generate", order, { "Idempotency-Key": key });

export async function grant(credits) {
  const { id } = await me();
  return call("POST", "/api/v1/credit/grant", { userId: id, credits, orderNo: `console-${crypto.randomUUID()}` });
}

/** Puts the image where the presigned address says; returns where it can be fetched. */
export async function upload(file) {
  const place = await call("POST", "/api/v1/upload/presign", { filename: file.name, contentType: file.type, contentLength: file.size });
  const response = await fetch(place.uploadUrl, { method: "PUT", body: file, headers: { "Content-Type": file.type } }).catch(() => null);
  if (!response?.ok) throw new Refused(response?.status ?? 0, { code: "UPLOAD_FAILED", message: "" });
  return place.publicUrl;
}
