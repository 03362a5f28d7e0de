// Requests to the server's JSON API.

export class RequestError extends Error {}

async function answer(response) {
  let body = null;
  try { body = await response.json(); } catch { /* said below */ }
  if (response.ok) return body;
  const error = body?.error ?? { message: `the server answered ${response.status}`, hint: null };
  throw new RequestError(error.hint ? `${error.message}: ${error.hint}` : error.message);
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new RequestError("the server does not answer: is affetti serve still running?");
  }
}

export const get = async (url) => answer(await send(url));

export async function post(url, body = null, signal = undefined) {
  const options = { method: "POST", signal, headers: { "content-type": "application/json" } };
  if (body !== null) options.body = JSON.stringify(body);
  return answer(await send(url, options));
}

export const remove = async (url) => answer(await send(url, { method: "DELETE" }));

export async function upload(url, file, signal = undefined) {
  return answer(await send(url, { method: "POST", body: file, signal, headers: { "content-type": "application/octet-stream" } }));
}

/** Follow a job; `onEvent` receives each step of progress, and the promise its result. */
export function follow(job, onEvent = () => {}) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(job.events);
    source.onmessage = ({ data }) => {
      const event = JSON.parse(data);
      if (event.type === "done") { source.close(); resolve(event.result); }
      else if (event.type === "error") {
        source.close();
        const { message, hint } = event.error;
        reject(new RequestError(hint ? `${message}: ${hint}` : message));
      } else onEvent(event);
    };
    source.onerror = () => { source.close(); reject(new RequestError("the connection to the server was lost")); };
  });
}
