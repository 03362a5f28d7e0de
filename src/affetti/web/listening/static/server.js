// Requests to the server. Addresses are relative: the pages work below any path of a reverse proxy.

export class ServerError extends Error {
  constructor(message, status) { super(message); this.status = status; }

  /** Whether the same request may succeed later: the server is away, busy, or has no room. */
  get temporary() { return this.status === 0 || this.status >= 500; }
}

async function send(path, options) {
  let response;
  try { response = await fetch(path, { ...options, cache: "no-store" }); } catch { throw new ServerError("", 0); }
  if (response.ok) return response;
  let error = null;
  try { error = (await response.json()).error; } catch { /* the status says enough */ }
  const message = error ? [error.message, error.hint].filter(Boolean).join(": ") : `${response.status}`;
  throw new ServerError(message, response.status);
}

export class Server {
  /** @param {Record<string, string>} headers sent with each request */
  constructor(headers = {}) { this.headers = headers; }

  get = async (path) => (await send(path, { headers: this.headers })).json();
  bytes = async (path) => (await send(path, { headers: this.headers })).arrayBuffer();
  blob = async (path) => (await send(path, { headers: this.headers })).blob();
  remove = async (path) => (await send(path, { method: "DELETE", headers: this.headers })).json();

  async post(path, body) {
    const headers = { ...this.headers, "content-type": "application/json" };
    return (await send(path, { method: "POST", headers, body: JSON.stringify(body) })).json();
  }
}
