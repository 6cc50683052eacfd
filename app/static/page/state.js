/** What the service says of cameras and recordings, asked again and again while somebody looks. */

import * as api from './api.js';

const SOURCES_EVERY_MS = 2500;
const RECORDS_EVERY_MS = 15_000;

/** Which model a source is: its object does not say, its addresses nearly always do. */
function modelOf(source) {
  if (source.uri_rtsp === null) return 'PictureSource';
  const hasPicture = source.uri_http_picture.uri !== null;
  return hasPicture && /-c:v libx264/.test(source.ffmpeg_cmd) ? 'PictureSource' : 'Source';
}

function nameOf(source) {
  const line = source.description?.split('\n')[0].trim();
  return line || `Camera ${source.id}`;
}

/** Fires `change` when something is different, `reach` {error} when the service is lost (error) or back (null). */
export class State extends EventTarget {
  #text = '';
  #records = [];
  #recordsFor = null;
  #recordsMs = -Infinity;
  #isLost = false;

  constructor() {
    super();
    /** [{id, name, model, status, tags, isWanted, isRecording, address}] in the order of their ids */
    this.cameras = [];
    /** [{name, cameras}] of the tags that record now */
    this.tags = [];
    this.isLoaded = false;
  }

  camera(id) {
    return this.cameras.find((one) => one.id === id) ?? null;
  }

  run() {
    document.addEventListener('visibilitychange', () => document.hidden || this.refresh());
    this.#again();
  }

  async #again() {
    if (!document.hidden) await this.refresh();
    setTimeout(() => this.#again(), SOURCES_EVERY_MS);
  }

  /** Ask now; `isForced` asks for the records too, after something was started or stopped. */
  async refresh({ isForced = false } = {}) {
    try {
      const [sources, tagNames] = await Promise.all([api.sources(), api.runningTags()]);
      await this.#refreshRecords(tagNames, isForced);
      this.#keep(sources, tagNames);
      this.#reach(null);
    } catch (error) {
      if (!(error instanceof api.ApiError)) throw error;
      this.#reach(error);
    }
  }

  async #refreshRecords(tagNames, isForced) {
    const key = tagNames.join('\n');
    const isOld = performance.now() - this.#recordsMs > RECORDS_EVERY_MS;
    if (!isForced && !isOld && key === this.#recordsFor) return;
    const lists = await Promise.all(tagNames.map((name) => api.records(name)));
    this.#records = lists.flatMap((list, index) =>
      list.filter((record) => record.end_utc === null).map((record) => [record.source[0].id, tagNames[index]]),
    );
    this.#recordsFor = key;
    this.#recordsMs = performance.now();
  }

  #keep(sources, tagNames) {
    const text = JSON.stringify([sources, tagNames, this.#records]);
    if (this.isLoaded && text === this.#text) return;
    this.#text = text;
    this.isLoaded = true;
    this.cameras = sources.map((source) => this.#camera(source));
    this.tags = tagNames.map((name) => ({ name, cameras: this.cameras.filter((one) => one.tags.includes(name)) }));
    this.dispatchEvent(new Event('change'));
  }

  #camera(source) {
    const tags = this.#records.filter(([id]) => id === source.id).map(([, name]) => name);
    return {
      id: source.id,
      name: nameOf(source),
      model: modelOf(source),
      status: source.status,
      address: source.uri_rtsp ?? source.uri_http_picture.uri ?? '',
      tags,
      isWanted: tags.length > 0,
      isRecording: tags.length > 0 && source.status === 'online',
    };
  }

  #reach(error) {
    if (this.#isLost === Boolean(error)) return;
    this.#isLost = Boolean(error);
    this.dispatchEvent(new CustomEvent('reach', { detail: { error } }));
  }
}
