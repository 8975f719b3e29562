// A video's card: its progress, its film, its timeline and its buttons.

import * as api from "./api.js";
import { make } from "./dom.js";
import { commandFor, factsOf, orderOf } from "./facts.js";
import { drawRecords } from "./records.js";
import { drawTimeline } from "./timeline.js";
import { faultsOf, reasonOf, say, translate } from "./words.js";

export const STATES = ["PENDING", "GENERATING", "UPLOADING", "COMPLETED"];
const FETCHABLE = ["FILE_UNAVAILABLE", "NOT_A_VIDEO", "TIMED_OUT"];
export const isOpen = (status) => status !== "COMPLETED" && status !== "FAILED";

export class Card {
  /** `acted()` is called after a change that concerns more than this card, `gone(card)` after its deletion, `ordered(uuid)` after an order. */
  constructor(video, hooks) {
    this.hooks = hooks;
    const id = `video-${video.uuid}`;
    this.title = make("h3", { id, tabindex: "-1" }, video.prompt);
    this.whole = make("button", { type: "button", class: "link", "data-word": "promptOpen", "aria-expanded": "false", hidden: true, onclick: () => this.toggleTitle() });
    new ResizeObserver(() => this.measureTitle()).observe(this.title);
    this.picture = make("div", { class: "picture" });
    this.facts = make("p", { class: "facts" });
    this.permalink = make("a", { class: "id", href: `#${id}`, title: video.uuid }, video.uuid);
    this.copied = make("span", { class: "toast", role: "status" });
    this.crossing = make("ol", { class: "crossing" }, ...STATES.map(() => make("li")));
    this.ferry = make("img", { class: "ferry", src: "/console/ferry.svg", alt: "" });
    this.trouble = make("p", { class: "trouble", hidden: true });
    this.steps = make("div");
    this.behind = make("div", { class: "records" });
    this.story = make("div", { class: "timeline", id: `${id}-story`, hidden: true }, this.steps, this.behind);
    this.buttons = {
      story: make("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-controls": `${id}-story`, "data-word": "timeline", onclick: () => this.toggleStory() }),
      retry: make("button", { type: "button", class: "quiet", "data-word": "retry", onclick: () => this.retry() }),
      again: make("button", { type: "button", class: "quiet", "data-word": "again", onclick: () => this.again() }),
      curl: make("button", { type: "button", class: "quiet", "data-word": "copyCurl", onclick: () => this.copy(commandFor(this.video)) }),
      remove: make("button", { type: "button", class: "quiet danger", "data-word": "remove", onclick: () => this.remove() }),
    };
    this.buttons.id = make("button", { type: "button", class: "link", "data-word": "copyId", onclick: () => this.copy(this.video.uuid) });
    for (const button of [this.whole, ...Object.values(this.buttons)]) button.setAttribute("aria-describedby", id);
    this.link = make("a", { class: "quiet", "data-word": "file", target: "_blank", rel: "noopener", hidden: true, "aria-describedby": id });
    this.download = make("a", { class: "quiet", "data-word": "download", download: `${video.uuid}.mp4`, target: "_blank", rel: "noopener", hidden: true, "aria-describedby": id });
    this.element = make("li", {}, make("article", { class: "card", "aria-labelledby": id },
      this.picture,
      make("div", { class: "told" }, this.title, this.whole, this.facts,
        make("p", { class: "which" }, this.permalink, " ", this.buttons.id, " ", this.copied),
        make("div", { class: "water" }, this.ferry, this.crossing), this.trouble,
        make("p", { class: "actions" }, this.buttons.story, this.buttons.retry, this.buttons.again, this.link, this.download,
          this.buttons.curl, this.buttons.remove)),
      this.story));
    this.update(video);
  }

  /** Takes a row of the list, or a part of one. Returns whether the status has changed. */
  update(changes) {
    const before = this.video?.status;
    this.video = { ...this.video, ...changes };
    const isAnother = before !== undefined && before !== this.video.status;
    if (isAnother) this.refusal = null;
    this.draw();
    return isAnother;
  }

  draw() {
    const { video } = this;
    const article = this.element.firstChild;
    article.dataset.status = video.status;
    this.drawFacts();
    const reached = this.reached();
    this.crossing.setAttribute("aria-label", say("crossing"));
    [...this.crossing.children].forEach((item, place) => {
      item.textContent = say(`status.${video.status === "FAILED" && place === reached ? "FAILED" : STATES[place]}`);
      item.className = place < reached ? "past" : place === reached ? "now" : "";
      item.toggleAttribute("aria-current", place === reached);
      if (place === reached) item.setAttribute("aria-current", "step");
    });
    this.ferry.parentElement.style.setProperty("--at", reached / (STATES.length - 1));
    this.trouble.textContent = this.troubles().join(" ");
    this.trouble.hidden = !this.trouble.textContent;
    this.buttons.retry.hidden = video.status !== "FAILED" || !this.hasSource();
    this.buttons.again.hidden = isOpen(video.status);
    for (const link of [this.link, this.download]) {
      link.hidden = !video.videoUrl;
      if (video.videoUrl) link.href = video.videoUrl;
    }
    this.drawPicture();
    translate(this.element);
  }

  /** Why the video failed, and why what was tried with it was refused. */
  troubles() {
    const { video: { status, errorCode, errorMessage }, refusal } = this;
    const failure = status === "FAILED" ? [reasonOf(errorCode, errorMessage)] : [];
    if (!refusal) return failure;
    return [...failure, reasonOf(refusal.code, refusal.message), ...faultsOf(refusal).map(({ path, message }) => `${path}: ${message}`)];
  }

  /** Each part stays in one line where it can. */
  drawFacts() {
    const parts = factsOf(this.video, this.hooks.modelName(this.video.model));
    this.facts.replaceChildren(...parts.flatMap((part, place) => [make("span", {}, part + (parts[place + 1] ? " ·" : "")), " "]));
  }

  /** Whether a film was made, or may have been, so that there is something to fetch. The server asks the provider for it. */
  hasSource() {
    return !this.isExpired && Boolean(this.video.externalTaskId) && FETCHABLE.includes(this.video.errorCode);
  }

  /** The index of the state reached: a failed video stays where it failed. */
  reached() {
    const { video } = this;
    if (video.status !== "FAILED") return STATES.indexOf(video.status);
    return video.errorCode === "FILE_UNAVAILABLE" ? 2 : video.externalTaskId ? 1 : 0;
  }

  /** Adds the film once, so that polling doesn't interrupt one that plays. */
  drawPicture() {
    const { videoUrl, thumbnailUrl, parameters, aspectRatio } = this.video;
    const [across, down] = (aspectRatio ?? parameters?.aspectRatio ?? "16:9").split(":").map(Number);
    if (across > 0 && down > 0) this.picture.style.setProperty("--ratio", across / down);
    const film = this.picture.querySelector("video");
    if (!videoUrl) return;
    if (!film) this.picture.replaceChildren(makeFilm(videoUrl, this.title.id));
    const shown = this.picture.firstChild;
    if (thumbnailUrl && shown.poster !== thumbnailUrl) shown.poster = thumbnailUrl;
  }

  /** Offers to open a prompt that is cut off, and to close one that was opened. */
  measureTitle() {
    const { title } = this;
    this.whole.hidden = !title.classList.contains("whole") && title.scrollHeight <= title.clientHeight + 1;
  }

  toggleTitle() {
    const isWhole = this.title.classList.toggle("whole");
    this.whole.dataset.word = isWhole ? "promptClose" : "promptOpen";
    this.whole.setAttribute("aria-expanded", String(isWhole));
    translate(this.element);
  }

  async copy(text) {
    await navigator.clipboard.writeText(text).then(() => this.tell("copied"), () => this.tell("notCopied"));
  }

  /** The text lies over the page: a text that moved the buttons as it goes would take a click from the next one. */
  tell(key) {
    this.copied.textContent = say(key);
    this.element.addEventListener("focusout", () => { this.copied.textContent = ""; }, { once: true });
  }

  get storyIsOpen() { return !this.story.hidden; }

  /** Whether there may be more to tell: a webhook is sent after the video's end, and perhaps again. */
  get storyGoesOn() {
    return isOpen(this.video.status) || !this.records || this.records.deliveries.some(({ state }) => state === "PENDING");
  }

  async toggleStory() {
    this.story.hidden = !this.story.hidden;
    this.buttons.story.setAttribute("aria-expanded", String(this.storyIsOpen));
    await this.readStory();
  }

  async readStory() {
    if (!this.storyIsOpen) return;
    await this.tried(async () => {
      [this.moments, this.records] = await Promise.all([api.timeline(this.video.uuid), api.records(this.video.uuid)]);
      this.drawStory();
    });
  }

  drawStory() {
    if (!this.moments) return;
    this.steps.replaceChildren(drawTimeline(this.moments));
    drawRecords(this.behind, this.records);
  }

  async retry() {
    await this.tried(async () => {
      await api.retry(this.video.uuid);
      this.update({ status: "UPLOADING", errorCode: null, errorMessage: null });
      this.title.focus();
      await this.hooks.acted();
    });
  }

  /** Orders the same again. One key a press: a request whose answer was lost can be pressed again without a second video. */
  async again() {
    const button = this.buttons.again;
    if (button.getAttribute("aria-disabled") === "true") return;
    button.setAttribute("aria-disabled", "true");
    this.againKey ??= crypto.randomUUID();
    await this.tried(async () => {
      const { videoUuid } = await api.generate(orderOf(this.video), this.againKey);
      this.againKey = null;
      await this.hooks.ordered(videoUuid);
    });
    button.setAttribute("aria-disabled", "false");
  }

  /** Deletes at the second press; the first one asks. */
  async remove() {
    const button = this.buttons.remove;
    if (button.dataset.word === "remove") {
      button.dataset.word = "removeReally";
      translate(this.element);
      button.addEventListener("blur", () => { button.dataset.word = "remove"; translate(this.element); }, { once: true });
      return;
    }
    await this.tried(async () => {
      await api.remove(this.video.uuid);
      this.hooks.gone(this);
    });
  }

  /** Shows why the server refused. That it can't be reached is shown by the page. */
  async tried(work) {
    this.refusal = null;
    try {
      await work();
    } catch (error) {
      if (error instanceof api.Unreachable) return;
      if (!(error instanceof api.Refused)) throw error;
      if (error.status < 500 || error.code === "PROVIDER_ERROR") this.againKey = null;
      if (error.code === "ORIGINAL_EXPIRED") this.isExpired = true;
      this.refusal = error;
      this.draw();
    }
  }
}

/** Shows its poster; its controls appear under the pointer, and for whoever comes with the keyboard or a finger. */
function makeFilm(src, labelledBy) {
  const film = make("video", { tabindex: "0", preload: "metadata", playsinline: true, src, "aria-labelledby": labelledBy });
  const show = () => { film.controls = film.matches(":hover, :focus"); };
  for (const event of ["pointerenter", "pointerleave", "focus", "blur"]) film.addEventListener(event, show);
  return film;
}
