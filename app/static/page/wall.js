/** All cameras live, side by side; the strip beside the player while one is large. */

import { copyOf, find, setText } from './dom.js';
import { Feed } from './feed.js';
import { isAble } from './growing.js';
import { timeText, zoneChange } from './instants.js';
import { situation } from './cameras.js';

// An MP4 that plays keeps a connection, and browsers open six to a service.
const MOST_LIVE = isAble ? 9 : 3;
const RETRY_MS = 2000;
const EMPTY_COST = 0.1;
const NARROW_PX = 700; // a phone: two beside each other, or the bars are never seen
const STAGE_PART = 0.54; // --stage-height of stage.css

class Tile {
  #retry = 0;
  #isWished = false;

  constructor(id, isRecording, onClick) {
    this.id = id;
    this.element = copyOf('tile');
    this.element.addEventListener('click', onClick);
    this.clock = this.element.querySelector('.tile-clock');
    this.feed = new Feed(this.element.querySelector('video'), isRecording);
    this.feed.addEventListener('frame', ({ detail }) => this.#showFrame(detail.ms));
    this.feed.addEventListener('lost', () => this.#again());
    this.feed.video.addEventListener('ended', () => this.element.classList.remove('is-live'));
    zoneChange.addEventListener('change', () => setText(this.clock, ''));
  }

  fill(camera) {
    const { lamp, text } = situation(camera);
    this.element.querySelector('.lamp').dataset.lamp = lamp;
    setText(this.element.querySelector('.tile-name'), camera.name);
    setText(this.element.querySelector('.tile-status'), camera.isRecording ? 'Waiting for the first picture' : text);
    this.element.setAttribute('aria-label', `Watch ${camera.name} live`);
  }

  /** Show the live picture, or none. */
  wish(isWished) {
    if (isWished === this.#isWished) return;
    this.#isWished = isWished;
    clearTimeout(this.#retry);
    if (isWished) this.feed.goLive(this.id);
    else {
      this.feed.stop();
      this.element.classList.remove('is-live');
    }
  }

  #showFrame(ms) {
    this.element.classList.add('is-live');
    setText(this.clock, timeText(ms));
  }

  #again() {
    this.element.classList.remove('is-live');
    clearTimeout(this.#retry);
    if (this.#isWished) this.#retry = setTimeout(() => this.feed.goLive(this.id), RETRY_MS);
  }
}

/** Fires `live` {sourceId} when a tile is chosen. */
export class Wall extends EventTarget {
  #tiles = new Map();
  #current = null;

  constructor(state) {
    super();
    Object.assign(this, { state, element: find('wall') });
    state.addEventListener('change', () => this.#show());
    document.addEventListener('visibilitychange', () => this.#show());
    new ResizeObserver(() => this.#arrange()).observe(find('stage'));
  }

  /** Tell which camera the player shows; null: all show alike. */
  mark(sourceId) {
    if (sourceId === this.#current) return;
    this.#current = sourceId;
    find('stage').classList.toggle('is-single', sourceId !== null);
    this.#show();
  }

  #show() {
    const { cameras } = this.state;
    for (const [id, tile] of this.#tiles) {
      if (this.state.camera(id)) continue;
      tile.wish(false);
      tile.element.remove();
      this.#tiles.delete(id);
    }
    find('stage').hidden = cameras.length === 0;
    const isShown = !document.hidden && getComputedStyle(this.element).display !== 'none';
    let live = 0;
    for (const camera of cameras) {
      const tile = this.#tiles.get(camera.id) ?? this.#add(camera.id);
      tile.fill(camera);
      tile.element.classList.toggle('is-current', camera.id === this.#current);
      const isWished = camera.isRecording && isShown && live < MOST_LIVE;
      if (isWished) live += 1;
      tile.wish(isWished);
    }
    this.#arrange();
  }

  /** Choose the number of columns with which the tiles are largest. */
  #arrange() {
    const count = this.#tiles.size;
    const [width, height] = [find('stage').clientWidth, innerHeight * STAGE_PART];
    const widths = Array.from({ length: count }, (_, index) => {
      const lines = Math.ceil(count / (index + 1));
      const empty = lines * (index + 1) - count;
      return Math.min(width / (index + 1), ((height / lines) * 16) / 9) * (1 - EMPTY_COST * empty);
    });
    const largest = widths.indexOf(Math.max(...widths)) + 1;
    const columns = width < NARROW_PX && count > 2 ? 2 : largest;
    this.element.style.setProperty('--columns', String(Math.max(columns, 1)));
    this.element.style.setProperty('--lines', String(Math.ceil(count / columns) || 1));
  }

  #add(id) {
    const isRecording = () => this.state.camera(id)?.isRecording ?? false;
    const tile = new Tile(id, isRecording, () => this.dispatchEvent(new CustomEvent('live', { detail: { sourceId: id } })));
    this.#tiles.set(id, tile);
    this.element.append(tile.element);
    return tile;
  }
}
