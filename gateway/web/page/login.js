// Knows who has logged in here, and sends what changes something; knows not what that is.

import { one } from "./dom.js";
import { say, span } from "./words.js";

let token = null;
let has_password = true;
let is_private = true;
let on_change = () => {};

export async function begin_login(changed) {
  on_change = changed;
  one("#private a").href = `https://${location.host}/${location.search}`;
  one("#login").addEventListener("click", () => (token ? log_out() : ask()));
  for (const button of document.querySelectorAll("#ask .cancel")) button.addEventListener("click", () => one("#ask").close());
  one("#ask form").addEventListener("submit", (event) => {
    event.preventDefault();
    log_in();
  });
  try {
    ({ token, has_password, is_private } = await (await fetch("/session")).json());
  } catch {
    // the stream says that the station is gone
  }
  set(token);
}

/** Sends an order of the one who is logged in, or logs in first; says how it went. */
export async function post(address, what) {
  if (!token) return ask(() => post(address, what));
  const answer = await send(address, what);
  if (answer?.status === 401 || answer?.status === 403) {
    set(null);
    tell(say("web.session_over"));
  } else if (answer?.status === 409) {
    const said = await answer.json();
    tell(say("web.refused", { reason: said.detail || said.reason }));
  } else if (answer?.status === 503) tell(say("web.no_gateway"));
  else tell(answer?.ok ? say("web.done") : say("web.failed", { reason: answer ? answer.status : "Wi-Fi" }));
}

let then = () => {};

function ask(afterwards = () => {}) {
  then = afterwards;
  one("#ask .fault").textContent = has_password ? "" : say("web.no_password");
  one("#private").hidden = is_private;
  one("#secret").hidden = !is_private;
  one("#ask").showModal();
  if (is_private) one("#password").focus();
}

async function log_in() {
  const field = one("#password");
  const answer = await send("/login", { password: field.value });
  field.value = "";
  if (answer?.ok) {
    one("#ask").close();
    set((await answer.json()).token);
    return then();
  }
  let words = say("web.failed", { reason: answer ? answer.status : "Wi-Fi" });
  if (answer?.status === 403) words = say(has_password ? "web.wrong_password" : "web.no_password");
  if (answer?.status === 429) words = say("web.wait", { span: span((await answer.json()).wait_s) });
  one("#ask .fault").textContent = words;
  field.focus();
}

async function log_out() {
  await send("/logout", {});
  set(null);
}

function set(found) {
  token = found;
  one("#login").textContent = say(token ? "web.logout" : "web.login");
  on_change();
}

async function send(address, what) {
  const headers = { "Content-Type": "application/json", ...(token ? { "X-Watertower-Token": token } : {}) };
  try {
    return await fetch(address, { method: "POST", headers, body: JSON.stringify(what) });
  } catch {
    return null;
  }
}

let gone = 0;

function tell(words) {
  one("#said").textContent = words;
  clearTimeout(gone);
  gone = setTimeout(() => (one("#said").textContent = ""), 4000);
}
