import type { ServerMessage } from "@/protocol/types";
import type { Link, Transport } from "./transport";

export type SocketFactory = (url: string, protocol: string) => WebSocket;

/** A text frame is one or more JSON objects, one a line. */
export function parseFrame(text: string): ServerMessage[] {
  const messages: ServerMessage[] = [];
  for (const line of text.split("\n")) {
    if (line.length > 0) messages.push(JSON.parse(line) as ServerMessage);
  }
  return messages;
}

export function webSocketTransport(url: string, open: SocketFactory): Transport {
  return {
    connect(handlers): Link {
      const socket = open(url, "hotdesk.v1");
      let closed = false;
      const finish = (code: number, reason: string) => {
        if (closed) return;
        closed = true;
        handlers.closed({ code, reason });
      };
      socket.onopen = () => {
        if (!closed) handlers.opened();
      };
      socket.onmessage = (event: MessageEvent<unknown>) => {
        if (closed || typeof event.data !== "string") return;
        let messages: ServerMessage[];
        try {
          messages = parseFrame(event.data);
        } catch {
          socket.close(4000, "unreadable frame");
          finish(1007, "unreadable frame");
          return;
        }
        handlers.received(messages);
      };
      socket.onclose = (event) => finish(event.code, event.reason);
      return {
        send: (message) => {
          if (!closed && socket.readyState === 1) socket.send(JSON.stringify(message));
        },
        close: (code = 1000) => {
          // A peer that is gone never answers a close, so nobody waits for it.
          socket.close(code);
          queueMicrotask(() => finish(code, ""));
        },
      };
    },
  };
}
