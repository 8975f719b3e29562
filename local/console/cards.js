// A video's card: its progress, its film, its timeline and its buttons.

import * as api from "./api.js";
import { make } from "./dom.js";
import { drawTimeline } from "./timeline.js";
import { clock, reasonOf, say, translate } from "./words.js";

export const STATES = ["PENDING", "GENERATING", "UPLOADING", "COMPLETED"];
export const isOpen = (status) => status !== "COMPLETED" && status !== "FAILED";

export class Card {
  /** `acted()` is called after a change that concerns more than this card, `gone(card)` after its deletion. */
  constructor(video, { modelName, acted, gone }) {
    this.hooks = { modelName, acted, gone };
    const id = `video-${video.uuid}`;
    this.title = make("h3", { id, tabindex: "-1" }, video.prompt);
    this.picture = make("div", { class: "picture" });
    this.facts = make("p", { class: "facts" });
    this.crossing = make("ol", { class: "crossing" }, ...STATES.map(() => make("li")));
    this.ferry = make("img", { class: "ferry", src: "/console/ferry.svg", alt: "" });
    this.trouble = make("p", { class: "trouble", hidden: true });
    this.story = make("div", { class: "timeline", id: `${id}-story`, hidden: true });
    this.buttons = {
      story: make("button", { type: "button", class: "quiet", "aria-expanded": "false", "aria-controls": `${id}-story`, "data-word": "timeline", onclick: () => this.toggleStory() }),
      retry: make("button", { type: "button", class: "quiet", "data-word": "retry", onclick: () => this.retry() }),
      remove: make("button", { type: "button", class: "quiet danger", "data-word": "remove", onclick: () => this.remove() }),
    };
    for (const button of Object.values(this.buttons)) button.setAttribute("aria-describedby", id);
    this.link = make("a", { class: "quiet", "data-word": "file", target: "_blank", rel: "noopener", hidden: true, "aria-describedby": id });
    this.element = make("li", {}, make("article", { class: "card", "aria-labelledby": id },
      this.picture,
      make("div", { class: "told" }, this.title, this.facts, make("div", { class: "water" }, this.ferry, this.crossing), this.trouble,
        make("p", { class: "actions" }, this.buttons.story, this.link, this.buttons.retry, this.buttons.remove)),
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
    this.facts.textContent = [this.hooks.modelName(video.model), say("seconds", { n: video.duration ?? video.parameters?.duration ?? "–" }),
      video.aspectRatio ?? video.parameters?.aspectRatio, video.resolution ?? video.parameters?.quality,
      say("credits.n", { n: video.creditsUsed }), video.provider, clock(video.createdAt)].filter(Boolean).join(" · ");
    const reached = this.reached();
    this.crossing.setAttribute("aria-label", say("crossing"));
    [...this.crossing.children].forEach((item, place) => {
      item.textContent = say(`status.${video.status === "FAILED" && place === reached ? "FAILED" : STATES[place]}`);
      item.className = place < reached ? "past" : place === reached ? "now" : "";
      item.toggleAttribute("aria-current", place === reached);
      if (place === reached) item.setAttribute("aria-current", "step");
    });
    this.ferry.parentElement.style.setProperty("--at", reached / (STATES.length - 1));
    const troubles = [video.status === "FAILED" && reasonOf(video.errorCode, video.errorMessage), this.refusal && reasonOf(this.refusal.code, this.refusal.message)];
    this.trouble.textContent = troubles.filter(Boolean).join(" ");
    this.trouble.hidden = !this.trouble.textContent;
    this.buttons.retry.hidden = video.status !== "FAILED";
    this.link.hidden = !video.videoUrl;
    if (video.videoUrl) this.link.href = video.videoUrl;
    this.drawPicture();
    translate(this.element);
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
    if (!film) this.picture.replaceChildren(make("video", { controls: true, preload: "metadata", playsinline: true, src: videoUrl, "aria-labelledby": this.title.id }));
    const shown = this.picture.firstChild;
    if (thumbnailUrl && shown.poster !== thumbnailUrl) shown.poster = thumbnailUrl;
  }

  get storyIsOpen() { return !this.story.hidden; }

  async toggleStory() {
    this.story.hidden = !this.story.hidden;
    this.buttons.story.setAttribute("aria-expanded", String(this.storyIsOpen));
    await this.readStory();
  }

  async readStory() {
    if (!this.storyIsOpen) return;
    await this.tried(async () => {
      this.moments = await api.timeline(this.video.uuid);
      this.drawStory();
    });
  }

  drawStory() {
    if (this.moments) this.story.replaceChildren(drawTimeline(this.moments));
  }

  async retry() {
    await this.tried(async () => {
      await api.retry(this.video.uuid);
      this.update({ status: "UPLOADING", errorCode: null, errorMessage: null });
      this.title.focus();
      await this.hooks.acted();
    });
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
      this.refusal = error;
      this.draw();
    }
  }
}
