//! Claiming, giving back, skipping.

use super::*;

/// T10: a claim assigns the ticket to the caller and opens it. T11: what somebody holds is not claimed from him.
/// T12: what is solved or closed is not claimed.
#[test]
fn t10_t11_t12_claim() {
    let desk = check(&[], ("ann", claim()), "claimed assignee=ann status=open");
    let note = desk.state.background.claim.as_ref().unwrap();
    assert!(note.live && !note.answered);
    assert_eq!(desk.state.background.holders, [UserId::from("ann")]);
    check(&[("bob", status(Status::Pending))], ("ann", claim()), "claimed assignee=ann status=open");
    check(&[("ann", claim())], ("bob", claim()), "refused: ann holds this ticket");
    check(&[("ann", claim())], ("sam", claim()), "refused: ann holds this ticket");
    check(&[("ann", status(Status::Solved))], ("ann", claim()), "refused: a ticket that is solved cannot become open");
    check(&[("ann", status(Status::Closed))], ("ann", claim()), "refused: a closed ticket is never changed again");
    check(&[("ann", team(Some("support")))], ("sue", claim()), "refused: this needs the permission ticket_write");
    check(&[("ann", team(Some("billing")))], ("sue", claim()), "claimed assignee=sue status=open");
}

/// T13: the holder or a supervisor gives a ticket back; its status stays.
#[test]
fn t13_release() {
    check(&[("ann", claim())], ("ann", release()), "released assignee=null");
    check(&[("ann", claim())], ("sam", release()), "released assignee=null");
    check(&[("ann", claim())], ("bob", release()), "refused: this needs the permission release_others");
    check(&[], ("ann", release()), "refused: nobody holds this ticket");
    check(&[("ann", claim()), ("ann", status(Status::Pending))], ("ann", release()), "released assignee=null");
    let desk = check(&[("ann", claim()), ("ann", release())], ("bob", claim()), "claimed assignee=bob");
    assert_eq!(desk.state.background.holders, [UserId::from("ann"), UserId::from("bob")]);
}

/// T14: a skip is remembered against the skipper for the window, and gives back what the skipper holds.
#[test]
fn t14_skip() {
    let desk = check(&[], ("ann", skip()), "skipped");
    let (background, window) = (&desk.state.background, desk.rules.skip_window_ms);
    let at = |after_ms| Timestamp::from_millis(desk.now + after_ms);
    assert!(background.is_skipped_by(&"ann".into(), at(window - 1), window));
    assert!(!background.is_skipped_by(&"ann".into(), at(window), window));
    assert!(!background.is_skipped_by(&"bob".into(), at(0), window));
    check(&[("ann", claim())], ("ann", skip()), "skipped assignee=null");
    check(&[("ann", claim())], ("bob", skip()), "skipped");
    let desk = check(&[("ann", skip()), ("bob", skip())], ("ann", skip()), "skipped");
    assert_eq!(desk.state.background.skips.len(), 2);
    check(&[], ("ann", Command::Skip(Skip { reason: " ".to_owned() })), "refused: /reason required");
}

/// T25: the desk gives back what a vanished holder claimed live and did not answer, and nothing else.
#[test]
fn t25_a_vanished_holder() {
    let vanished = || system(SystemCommand::ReleaseVanished { holder: "ann".into() });
    check(&[("ann", claim())], ("system", vanished()), "released assignee=null");
    check(&[("ann", claim()), ("ann", note())], ("system", vanished()), "nothing");
    check(&[("ann", claim()), ("bob", note())], ("system", vanished()), "released assignee=null");
    check(&[("bob", claim())], ("system", vanished()), "nothing");
    check(&[("bob", assign(Some("ann")))], ("system", vanished()), "nothing");
    check(&[], ("system", vanished()), "nothing");
    let desk = check(&[("ann", claim())], ("system", vanished()), "released assignee=null");
    let Event::Released { vanished, .. } = &desk.history[2].event else { panic!("released") };
    assert_eq!(vanished.as_ref().map(UserId::as_str), Some("ann"));
}
