import { type ReactNode, useEffect, useRef } from "react";
import { useLocation } from "wouter";
import { Button } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { useDesk } from "@/desk/desk-context";
import { useConnection } from "@/desk/use-live";
import { backHere } from "./back-here";
import { strings } from "./strings/strings";

/** Stands in front of the desk when the server says that this tab may not go on as it is. */
export function ConnectionGate({ children }: { children: ReactNode }) {
  const state = useConnection();
  const { announce, signOut } = useDesk();
  const [, navigate] = useLocation();
  const wasOffline = useRef(false);

  useEffect(() => {
    if (state.kind === "offline" && state.attempt >= 2 && !wasOffline.current) {
      wasOffline.current = true;
      announce(strings.connection.wentOffline);
    } else if (state.kind === "live" && wasOffline.current) {
      wasOffline.current = false;
      announce(strings.connection.cameBack);
    }
  }, [state, announce]);

  const signedOut = state.kind === "signed-out";
  useEffect(() => {
    if (signedOut) navigate(`/sign-in?ended=1&to=${backHere()}`, { replace: true });
  }, [signedOut, navigate]);

  if (state.kind === "forbidden") {
    return (
      <Notice
        page
        alert
        title={strings.connection.forbiddenTitle}
        hint={strings.connection.forbiddenText}
        action={<Button onClick={signOut}>{strings.signIn.title}</Button>}
      />
    );
  }
  if (state.kind === "superseded") {
    return (
      <Notice
        page
        alert
        title={strings.connection.supersededTitle}
        hint={strings.connection.supersededText}
        action={
          <Button variant="primary" onClick={() => window.location.reload()}>
            {strings.connection.reload}
          </Button>
        }
      />
    );
  }
  return children;
}
