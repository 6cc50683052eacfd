/** The form that adds a camera; what the service finds wrong stands beside the field. */

import * as api from './api.js';
import { clearErrors, find, say, showErrors } from './dom.js';
import { startTag } from './recording.js';

const PICTURE_FIELDS = ['uri', 'auth', 'user', 'password'];

export class AddCamera {
  constructor(state) {
    this.state = state;
    this.dialog = find('add-dialog');
    this.form = this.dialog.querySelector('form');
    this.form.addEventListener('submit', (event) => this.#submit(event));
    this.form.addEventListener('change', () => this.#showModel());
    for (const button of document.querySelectorAll('[data-opens="add-dialog"]')) {
      button.addEventListener('click', () => this.open());
    }
  }

  open() {
    this.form.reset();
    clearErrors(this.form);
    this.#showModel();
    this.dialog.showModal();
  }

  /** Show the fields of the chosen model alone. */
  #showModel() {
    const model = this.form.elements.model.value;
    for (const part of this.form.querySelectorAll('[data-model]')) part.hidden = part.dataset.model !== model;
  }

  async #submit(event) {
    event.preventDefault();
    const data = Object.fromEntries(new FormData(this.form));
    clearErrors(this.form);
    let source;
    try {
      source = await api.addSource(bodyOf(data));
    } catch (error) {
      return showErrors(this.form, error);
    }
    this.dialog.close();
    await this.#record(source, data.is_recorded);
    return this.state.refresh({ isForced: true });
  }

  async #record(source, isRecorded) {
    await this.state.refresh();
    const camera = this.state.camera(source.id);
    say(`${camera?.name ?? 'The camera'} was added`);
    if (!isRecorded || !camera) return;
    await startTag(camera.name, [camera]).catch((error) => say(error.message, { isError: true }));
  }
}

function bodyOf(data) {
  const body = { model: data.model };
  if (data.description.trim()) body.description = data.description.trim();
  if (data.ffmpeg_cmd.trim()) body.ffmpeg_cmd = data.ffmpeg_cmd.trim();
  if (data.model === 'Source') body.uri_rtsp = data.uri_rtsp.trim();
  else body.uri_http_picture = Object.fromEntries(PICTURE_FIELDS.map((name) => [name, data[name] || null]));
  return body;
}
