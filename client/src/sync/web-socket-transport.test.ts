import { expect, test } from "vitest";
import type { ServerMessage } from "@/protocol/types";
import { promisesSettled } from "./testing/manual-clock";
import { webSocketTransport } from "./web-socket-transport";

class Socket {
  readyState = 1;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  readonly sent: string[] = [];
  send(text: string) {
    this.sent.push(text);
  }
  close() {}
}

function connect() {
  const socket = new Socket();
  const heard: ServerMessage[][] = [];
  const closes: number[] = [];
  let asked = "";
  const transport = webSocketTransport("ws://desk/api/v1/ws", (url, protocol) => {
    asked = `${url} ${protocol}`;
    return socket as unknown as WebSocket;
  });
  const link = transport.connect({
    opened: () => {},
    received: (messages) => heard.push(messages),
    closed: (close) => closes.push(close.code),
  });
  return { socket, link, heard, closes, asked };
}

test("C20: a frame of several lines is one delivery", () => {
  const { socket, heard, asked } = connect();
  socket.onmessage?.({ data: '{"t":"upto","seq":1}\n{"t":"upto","seq":2}\n' });
  expect(heard).toEqual([
    [
      { t: "upto", seq: 1 },
      { t: "upto", seq: 2 },
    ],
  ]);
  expect(asked).toBe("ws://desk/api/v1/ws hotdesk.v1");
});

test("C20: a link that was closed here says so without waiting for a dead peer, once, and is silent then", async () => {
  const { socket, link, heard, closes } = connect();
  link.close();
  await promisesSettled();
  socket.onclose?.({ code: 1006, reason: "" });
  socket.onmessage?.({ data: '{"t":"upto","seq":1}' });
  expect(closes).toEqual([1000]);
  expect(heard).toEqual([]);
});

test("C20: a frame that is no JSON ends the link", () => {
  const { socket, closes } = connect();
  socket.onmessage?.({ data: "<html>" });
  expect(closes).toEqual([1007]);
});
