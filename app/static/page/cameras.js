/** The rows of the cameras: lamp, status in words, the bar's place, and the buttons to record and to remove. */

import * as api from './api.js';
import { copyOf, find, say, setText } from './dom.js';

export const STATUS_WORDS = {
  online: 'Online',
  offline: 'Offline',
  unauthorised: 'Wrong user or password',
  no_video: 'Sends no video',
  unknown: 'Not measured yet',
};

/** What to say of a camera in one line: its recording, and its status where that is not implied. */
export function situation(camera) {
  const status = STATUS_WORDS[camera.status] ?? camera.status;
  if (camera.isRecording) return { lamp: 'recording', text: 'Recording' };
  if (camera.isWanted) return { lamp: 'waiting', text: `Waiting · ${status.toLowerCase()}` };
  return { lamp: camera.status === 'online' ? 'online' : 'off', text: status };
}

/** Fires `live` {sourceId} and `record` {sourceId}. */
export class CameraRows extends EventTarget {
  #rows = new Map();

  constructor(state, timeline) {
    super();
    Object.assign(this, { state, timeline, list: find('cameras') });
    state.addEventListener('change', () => this.#show());
  }

  get ids() {
    return [...this.#rows.keys()];
  }

  /** Mark the row that the player shows. */
  mark(sourceId) {
    for (const [id, row] of this.#rows) row.classList.toggle('is-current', id === sourceId);
  }

  #show() {
    const { cameras } = this.state;
    for (const id of this.ids.filter((one) => !this.state.camera(one))) this.#remove(id);
    for (const camera of cameras) this.#fill(this.#rows.get(camera.id) ?? this.#add(camera.id), camera);
    find('empty').hidden = cameras.length > 0;
    find('bars').hidden = cameras.length === 0;
  }

  #add(id) {
    const row = copyOf('camera-row');
    const fire = (type) => this.dispatchEvent(new CustomEvent(type, { detail: { sourceId: id } }));
    row.dataset.id = id;
    row.querySelector('.camera-name').addEventListener('click', () => fire('live'));
    row.querySelector('.camera-record').addEventListener('click', () => this.#toggle(id, fire));
    row.querySelector('.camera-remove').addEventListener('click', () => this.#delete(id));
    const after = [...this.#rows.entries()].find(([one]) => one > id);
    this.list.insertBefore(row, after?.[1] ?? null);
    this.#rows.set(id, row);
    this.timeline.add(id, row.querySelector('.bar'));
    return row;
  }

  #remove(id) {
    this.timeline.remove(id);
    this.#rows.get(id).remove();
    this.#rows.delete(id);
  }

  #fill(row, camera) {
    const { lamp, text } = situation(camera);
    setText(row.querySelector('.camera-name'), camera.name);
    row.querySelector('.camera-name').title = `${camera.address}\nWatch live`;
    row.querySelector('.lamp').dataset.lamp = lamp;
    setText(row.querySelector('.camera-status'), text);
    setText(row.querySelector('.camera-tags'), camera.tags.join(', '));
    const record = row.querySelector('.camera-record');
    record.classList.toggle('is-on', camera.isWanted);
    record.setAttribute('aria-label', `${camera.isWanted ? 'Stop recording' : 'Record'} ${camera.name}`);
    record.title = camera.isWanted ? `Stop ${camera.tags.map((tag) => `“${tag}”`).join(', ')}` : 'Record';
    row.querySelector('.camera-remove').hidden = camera.isWanted;
    row.querySelector('.camera-remove').setAttribute('aria-label', `Remove ${camera.name}`);
    row.querySelector('.bar').setAttribute('aria-label', `Footage of ${camera.name}`);
  }

  async #toggle(id, fire) {
    const camera = this.state.camera(id);
    if (!camera.isWanted) return fire('record');
    for (const tag of this.state.tags.filter((one) => camera.tags.includes(one.name))) await stopTag(this.state, tag);
    return null;
  }

  async #delete(id) {
    const { name } = this.state.camera(id);
    if (!confirm(`Remove ${name}? What it has recorded is kept.`)) return;
    try {
      await api.removeSource(id);
      say(`${name} was removed`);
      await this.state.refresh({ isForced: true });
    } catch (error) {
      say(error.message, { isError: true });
    }
  }
}

/** Stop a tag; ask first where that ends the recording of several cameras. */
export async function stopTag(state, tag) {
  const names = tag.cameras.map((camera) => camera.name);
  const question = `Stop “${tag.name}”? It ends for ${names.length} cameras: ${names.join(', ')}.`;
  if (names.length > 1 && !confirm(question)) return;
  try {
    await api.stop(tag.name);
    say(`“${tag.name}” has stopped`);
    await state.refresh({ isForced: true });
  } catch (error) {
    say(error.message, { isError: true });
  }
}
