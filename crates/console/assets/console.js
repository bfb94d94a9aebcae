"use strict";
// Copies a secret that is shown once. A reload of its page leads elsewhere.
document.addEventListener("DOMContentLoaded", () => {
  const shown = document.querySelector("[data-instead]");
  if (!shown) return;
  history.replaceState(null, "", shown.dataset.instead);
  const button = shown.querySelector("[data-copy-text]");
  const said = shown.querySelector("[data-said]");
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copyText).textContent);
      said.textContent = "Copied.";
    } catch {
      said.textContent = "It was not copied: select it instead.";
    }
  });
});

// Improves pages that work without it.
(() => {
  const format = { dateStyle: "medium", timeStyle: "short" };
  const local = new Intl.DateTimeFormat(undefined, format);
  const universal = new Intl.DateTimeFormat(undefined, { ...format, timeZone: "UTC" });

  const showLocalTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.valueOf())) continue;
      time.dataset.local = "";
      if (local.format(at) === universal.format(at)) continue;
      if (time.closest("table")) {
        time.title = `${local.format(at)} here, ${time.title}`;
        continue;
      }
      const text = document.createElement("span");
      text.className = "local";
      text.textContent = ` (${local.format(at)} here)`;
      time.after(text);
    }
  };

  // Asks for the secret as plain text, and puts it into the clipboard. The page never holds it.
  const copy = async (button) => {
    const form = button.closest("form");
    const said = form.querySelector("[data-copied]");
    const fields = new URLSearchParams(new FormData(form));
    fields.set("copy", "1");
    try {
      const answer = await fetch(button.dataset.copy, { method: "POST", body: fields });
      const isText = (answer.headers.get("content-type") || "").startsWith("text/plain");
      if (!answer.ok || !isText) throw new Error(String(answer.status));
      await navigator.clipboard.writeText(await answer.text());
      said.textContent = "Copied.";
    } catch {
      said.textContent = "It was not copied. Reload the page, and try again.";
    }
  };

  const offerCopies = (root) => {
    if (!navigator.clipboard) return;
    for (const button of root.querySelectorAll("button[data-copy][hidden]")) {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    }
  };

  const blackOut = (root) => {
    const notice = root.querySelector("[data-hide-after]");
    const secret = root.querySelector("[data-secret]");
    if (!notice || !secret) return;
    const countdown = notice.querySelector("[data-countdown]");
    let left = Number(notice.dataset.hideAfter);
    const hide = () => {
      secret.remove();
      notice.textContent = "The secret is hidden again.";
    };
    const tick = () => {
      if (left <= 0) return hide();
      countdown.textContent = `It is hidden again in ${left} s.`;
      left -= 1;
      setTimeout(tick, 1000);
    };
    tick();
    // Nor does the page come back with it.
    addEventListener("pagehide", hide);
  };

  const improve = (root) => {
    showLocalTimes(root);
    offerCopies(root);
    blackOut(root);
  };

  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => improve(document));
  } else {
    improve(document);
  }
  // A part of a page that is asked for and not answered stays as it was, which must not look right.
  const report = (text) => {
    const place = document.getElementById("problem");
    if (!place) return;
    place.textContent = text;
    place.className = text ? "error" : "";
  };
  document.addEventListener("htmx:responseError", (event) => {
    report(`This page was not updated: the server answered ${event.detail.xhr.status}. Reload the page.`);
  });
  document.addEventListener("htmx:sendError", () => {
    report("This page was not updated: the server was not reached. Reload the page.");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) report("");
  });
  document.addEventListener("htmx:load", (event) => {
    if (event.detail.elt !== document.body) improve(event.detail.elt);
  });
})();
