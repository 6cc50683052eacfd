/** Starting a tag for chosen cameras, and the tags that record now with their stop buttons. */

import * as api from './api.js';
import { stopTag } from './cameras.js';
import { clearErrors, find, make, say, showErrors } from './dom.js';

export class Recording {
  constructor(state) {
    this.state = state;
    this.dialog = find('record-dialog');
    this.form = this.dialog.querySelector('form');
    this.form.addEventListener('submit', (event) => this.#submit(event));
    find('record').addEventListener('click', () => this.open(state.cameras.map((camera) => camera.id)));
    state.addEventListener('change', () => this.#showTags());
  }

  /** Ask for the tag; these cameras are chosen beforehand. */
  open(sourceIds) {
    const { cameras, tags } = this.state;
    clearErrors(this.form);
    const first = this.state.camera(sourceIds[0]);
    this.form.elements.tag_name.value = sourceIds.length === 1 && first ? first.name : (tags[0]?.name ?? 'all cameras');
    find('tag-names').replaceChildren(...tags.map(({ name }) => make('option', { value: name })));
    const boxes = cameras.map((camera) => {
      const box = make('input', { type: 'checkbox', name: 'source', value: camera.id });
      box.checked = sourceIds.includes(camera.id);
      return make('label', { className: 'check' }, box, camera.name);
    });
    find('record-cameras').replaceChildren(...boxes);
    this.dialog.showModal();
    this.form.elements.tag_name.select();
  }

  #showTags() {
    const chips = this.state.tags.map((tag) => {
      const count = tag.cameras.length;
      const stop = make('button', { type: 'button', textContent: 'Stop', ariaLabel: `Stop ${tag.name}` });
      stop.addEventListener('click', () => stopTag(this.state, tag));
      const words = make('span', { textContent: tag.name });
      const counted = make('small', { textContent: `${count} ${count === 1 ? 'camera' : 'cameras'}` });
      return make('li', { className: 'tag' }, words, counted, stop);
    });
    find('tags').replaceChildren(...chips);
    find('record').disabled = this.state.cameras.length === 0;
  }

  async #submit(event) {
    event.preventDefault();
    const data = new FormData(this.form);
    const ids = data.getAll('source').map(Number);
    const chosen = this.state.cameras.filter((camera) => ids.includes(camera.id));
    clearErrors(this.form);
    try {
      if (!chosen.length) throw new api.ApiError(0, [{ loc: [], msg: 'Choose at least one camera', type: 'missing' }]);
      await startTag(data.get('tag_name').trim(), chosen);
      this.dialog.close();
      say(`“${data.get('tag_name').trim()}” records`);
    } catch (error) {
      showErrors(this.form, error);
    } finally {
      await this.state.refresh({ isForced: true });
    }
  }
}

/** Start recording these cameras under a tag: a group for each model, as the API starts groups. */
export async function startTag(tagName, cameras) {
  for (const model of new Set(cameras.map((camera) => camera.model))) {
    const ids = cameras.filter((camera) => camera.model === model).map((camera) => camera.id);
    await api.start(model, tagName, await groupOf(model, ids, tagName));
  }
}

/** The id of a group of exactly these cameras; one is made where there is none. Groups of others are left alone. */
async function groupOf(model, ids, wishedName) {
  const groups = await Promise.all((await api.groups()).map(({ id }) => api.group(id)));
  const key = ids.toSorted((a, b) => a - b).join();
  const same = groups.find((one) => key === one.sources.map((source) => source.id).sort((a, b) => a - b).join());
  if (same) return same.id;
  const taken = new Set(groups.map((one) => one.name));
  let name = wishedName;
  for (let number = 2; taken.has(name); number += 1) name = `${wishedName} ${number}`;
  const made = await api.addGroup(model, name);
  for (const id of ids) await api.addMember(made.id, id);
  return made.id;
}
