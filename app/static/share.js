// The page of a share link: each instant in the viewer's own time beside UTC, and a word where the player fails.

const language = document.documentElement.lang;
const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' });
const zone = new Intl.DateTimeFormat(language, { timeZoneName: 'short' });

for (const time of document.querySelectorAll('time')) {
  const instant = new Date(time.dateTime);
  const name = zone.formatToParts(instant).find((part) => part.type === 'timeZoneName').value;
  time.textContent = `${format.format(instant)} ${name} (${time.textContent})`;
}

const video = document.querySelector('video');
const trouble = document.getElementById('trouble');
if (video !== null) {
  const tell = () => { trouble.hidden = false; };
  video.addEventListener('error', tell);
  // A source that cannot be played fails on its own element; the last one has no other behind it.
  video.querySelector('source:last-of-type').addEventListener('error', tell);
}
