// The same desk for people who have k6: agents who claim and answer over HTTP, and screens that follow the board.
//
//   k6 run -e BASE=http://127.0.0.1:8080 -e TOKEN=hd_… load-tests/k6/desk.js
//
// It measures; it does not prove. What it checks it checks by the answer alone: for lost or doubled commands, order and
// boards there is `load-tests run`. Arrivals are open (`constant-arrival-rate`), so a slow server is seen.
import http from "k6/http";
import ws from "k6/ws";
import { check } from "k6";
import { Counter, Trend } from "k6/metrics";

const base = __ENV.BASE || "http://127.0.0.1:8080";
const headers = { Authorization: `Bearer ${__ENV.TOKEN}`, "Content-Type": "application/json" };

const records = new Counter("records_on_screens");
const gaps = new Counter("gaps_and_repeats");
const toScreen = new Trend("record_to_screen_ms", true);

export const options = {
  scenarios: {
    customers: {
      executor: "constant-arrival-rate",
      exec: "customer",
      rate: Number(__ENV.TICKETS_PER_MINUTE || 50),
      timeUnit: "1m",
      duration: __ENV.DURATION || "1m",
      preAllocatedVUs: 10,
    },
    agents: {
      executor: "constant-arrival-rate",
      exec: "agent",
      rate: Number(__ENV.ANSWERS_PER_SECOND || 10),
      timeUnit: "1s",
      duration: __ENV.DURATION || "1m",
      preAllocatedVUs: 50,
    },
    screens: {
      executor: "constant-vus",
      exec: "screen",
      vus: Number(__ENV.SCREENS || 200),
      duration: __ENV.DURATION || "1m",
    },
  },
  thresholds: {
    checks: ["rate==1"],
    gaps_and_repeats: ["count==0"],
    "http_req_duration{call:claim}": ["p(99)<50"],
    "http_req_duration{call:reply}": ["p(99)<50"],
    record_to_screen_ms: ["p(99)<50"],
  },
};

function post(path, body, call) {
  const key = `${__VU}-${__ITER}-${call}-${Date.now()}`;
  return http.post(base + path, JSON.stringify(body), {
    headers: { ...headers, "Idempotency-Key": key },
    tags: { call },
  });
}

export function customer() {
  const opened = post(
    "/api/v1/tickets",
    {
      subject: `Order ${__VU}-${__ITER} is late`,
      body: "It should have been here yesterday.",
      requester: { name: "A customer", email: "customer@example.com" },
      priority: ["low", "normal", "high", "urgent"][__ITER % 4],
    },
    "create",
  );
  check(opened, { "opened": (answer) => answer.status === 201 && answer.headers["X-Hotdesk-Seq"] !== undefined });
}

export function agent() {
  const claimed = post("/api/v1/queue/claim", {}, "claim");
  check(claimed, { "given one, or none left": (answer) => answer.status === 200 || answer.status === 204 });
  if (claimed.status !== 200) return;
  const ticket = claimed.json("id");
  const body = { body: "It left this morning.", visibility: "public", status: "solved" };
  const replied = post(`/api/v1/tickets/${ticket}/messages`, body, "reply");
  check(replied, { "answered": (answer) => answer.status === 201 });
}

export function screen() {
  const address = `${base.replace(/^http/, "ws")}/api/v1/ws`;
  const params = { headers: { Authorization: headers.Authorization, "Sec-WebSocket-Protocol": "hotdesk.v1" } };
  const answer = ws.connect(address, params, (socket) => {
    let last = null;
    socket.on("open", () =>
      socket.send(JSON.stringify({ t: "hello", v: 1, client: `k6-${__VU}`, topics: ["board"], visible: true })),
    );
    socket.on("message", (frame) => {
      for (const line of frame.split("\n").filter(Boolean)) {
        const said = JSON.parse(line);
        if (said.t !== "rec") continue;
        records.add(1);
        if (last !== null && said.seq !== last + 1) gaps.add(1);
        last = said.seq;
        // From the record's own time: clocks of two machines may differ.
        toScreen.add(Math.max(0, Date.now() - Date.parse(said.at)));
      }
    });
    socket.setTimeout(() => socket.close(), 50_000);
  });
  check(answer, { "let in": (handshake) => handshake && handshake.status === 101 });
}
