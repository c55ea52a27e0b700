// The dialog in which a person orders a policy about: opened when its content has come,
// emptied when it is closed. Without this script the dialog stands in the page.

const dialog = document.getElementById("order");

function show() {
  if (!dialog.open) dialog.showModal();
  (dialog.querySelector("[autofocus]") || dialog.querySelector("input:checked, [name=reason]"))?.focus();
}

function showChanges() {
  for (const region of document.querySelectorAll("[data-poll-secs]")) {
    window.htmx.trigger(region, "poll");
  }
}

if (dialog && window.htmx) {
  dialog.addEventListener("htmx:afterSettle", () => {
    if (!dialog.children.length) return;
    show();
    if (dialog.querySelector("[data-ordered=done]")) showChanges();
  });
  dialog.addEventListener("htmx:responseError", ({ detail }) => {
    // Signed out, or the role was taken away meanwhile: the page says so.
    if (detail.xhr.status === 403 || detail.xhr.status === 401) window.location.reload();
  });
  // What is open without a script is made to lie above the page.
  if (dialog.open) {
    dialog.close();
    show();
  }
  dialog.addEventListener("close", () => dialog.replaceChildren());
  dialog.addEventListener("click", (event) => {
    if (!event.target.closest("[data-action=close-dialog]")) return;
    event.preventDefault();
    dialog.close();
  });
}
