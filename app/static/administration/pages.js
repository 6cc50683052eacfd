// The administration pages: what Flask-Admin writes into its markup as scripts, which the policy forbids, is done here.
"use strict";

for (const form of document.querySelectorAll("form[data-ask]")) {
  form.addEventListener("submit", (event) => {
    if (!window.confirm(form.dataset.ask)) event.preventDefault();
  });
}
for (const link of document.querySelectorAll('a[href^="javascript:"]')) {
  link.setAttribute("href", "#");
  link.addEventListener("click", (event) => event.preventDefault());
}
