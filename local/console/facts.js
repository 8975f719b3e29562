// What a card says of its video in one line, and the request that orders it again.

import { exampleToken } from "./api.js";
import { clock, providerName, ratio, say, seconds, size } from "./words.js";

const ORDERED = ["duration", "aspectRatio", "quality", "mode", "imageUrls", "videoUrls", "audioUrls", "generateAudio", "seed", "negativePrompt"];

/** The parts of the line. */
export function factsOf(video, modelName) {
  const { parameters } = video;
  return [
    modelName,
    say("seconds", { n: video.duration ?? parameters?.duration ?? "–" }),
    ratio(video.aspectRatio ?? parameters?.aspectRatio),
    video.width && video.height ? `${video.width} × ${video.height}` : video.resolution ?? parameters?.quality,
    video.fileSize && size(video.fileSize),
    say("credits.n", { n: video.creditsUsed }),
    video.provider && providerName(video.provider),
    clock(video.createdAt),
    video.status === "COMPLETED" && tookOf(video),
  ].filter(Boolean);
}

function tookOf({ createdAt, completedAt }) {
  const taken = (Date.parse(completedAt) - Date.parse(createdAt)) / 1000;
  return taken >= 0 ? say("took", { time: seconds(taken) }) : "";
}

/** The body of POST /video/generate, from what the row keeps. */
export function orderOf({ prompt, model, parameters }) {
  const kept = ORDERED.filter((name) => parameters?.[name] != null).map((name) => [name, parameters[name]]);
  return { prompt, model, ...Object.fromEntries(kept) };
}

/** A line for a shell. A token that a person typed in isn't copied: `$TOKEN` stands for it. */
export function commandFor(video) {
  return [
    `curl ${quoted(`${location.origin}/api/v1/video/generate`)}`,
    `-H "Authorization: Bearer ${exampleToken()}"`,
    "-H 'Content-Type: application/json'",
    `-d ${quoted(JSON.stringify(orderOf(video)))}`,
  ].join(" ");
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
