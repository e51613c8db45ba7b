import { useRef } from "react";
import { newId } from "@/desk/new-id";

/**
 * The key of a message: what is sent again in the same words, because its answer was lost, is the same message, which the
 * desk takes once.
 */
export function useSendingKey() {
  const last = useRef<{ words: string; key: string } | null>(null);
  return {
    of: (message: unknown): string => {
      const words = JSON.stringify(message);
      if (last.current?.words !== words) last.current = { words, key: newId() };
      return last.current.key;
    },
    /** It arrived: the same words once more are another message. */
    arrived: () => {
      last.current = null;
    },
  };
}
