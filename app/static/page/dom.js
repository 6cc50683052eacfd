/** The few things that every part of the page does with elements. */

export const find = (id) => document.getElementById(id);

/** Make an element: `make('p', {className: 'a'}, 'text', child)`. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Make a copy of the <template> of this id. */
export function copyOf(id) {
  return find(id).content.firstElementChild.cloneNode(true);
}

/** Set text only where it differs: screen readers read live regions again otherwise. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Say something for some seconds at the bottom of the page. */
export function say(text, { isError = false } = {}) {
  const line = make('p', { className: isError ? 'said said-error' : 'said', textContent: text });
  find('said').append(line);
  setTimeout(() => line.remove(), isError ? 9000 : 4500);
}

/** Put a line of text for each error beside the field that it names, the others into the form's last line. */
export function showErrors(form, error) {
  clearErrors(form);
  const rest = [];
  for (const { loc, msg } of error.detail ?? [{ loc: [], msg: String(error) }]) {
    const field = [...loc].reverse().map((name) => form.elements.namedItem(String(name))).find((one) => one?.labels);
    if (!field) {
      rest.push(msg);
      continue;
    }
    field.setAttribute('aria-invalid', 'true');
    field.closest('label').append(make('span', { className: 'wrong', textContent: msg }));
  }
  form.querySelector('.form-error').textContent = rest.join(' · ');
  form.querySelector('[aria-invalid]')?.focus();
}

export function clearErrors(form) {
  form.querySelector('.form-error').textContent = '';
  for (const line of form.querySelectorAll('.wrong')) line.remove();
  for (const field of form.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
}
