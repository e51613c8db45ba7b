"""A minimal client of the desk: folds the board, proves it by its hash, sends a command, comes back where it stopped.
HOTDESK_TOKEN=hd_… python3 client.py http://127.0.0.1:8080      (needs `pip install websockets`)"""
import asyncio, json, os, random, sys, urllib.request, uuid
import websockets

BASE, TOKEN = sys.argv[1].rstrip("/"), os.environ["HOTDESK_TOKEN"]
AUTH = {"Authorization": f"Bearer {TOKEN}"}
board, position, unanswered = {}, {}, {}

def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value

def board_hash():
    value = 0
    for ticket, fields in board.items():
        if fields["status"] != "closed":
            value ^= fnv1a(f"{ticket}:{fields['version']}")
    return f"{value:016x}"

def snapshot():
    with urllib.request.urlopen(urllib.request.Request(BASE + "/api/v1/snapshot", headers=AUTH)) as answer:
        found = json.load(answer)
    board.update({ticket["id"]: ticket for ticket in found["board"]})
    position.update(epoch=found["epoch"], after=found["seq"])

def hear(said):
    if said["t"] == "welcome" and said["resume"] == "snapshot":
        sys.exit("the journal is another one: start again")
    if said["t"] == "rec":
        assert said["seq"] == position["after"] + 1, "a gap or a repeat"
        board.setdefault(said["ticket"], {}).update(said["patch"], version=said["version"])
        position["after"] = said["seq"]
    elif said["t"] == "upto" and said.get("board"):
        assert said["board"] == board_hash(), "another board than the desk's"
        print(f"seq {said['seq']}: {len(board)} tickets, and the desk has the same", flush=True)
    elif said["t"] in ("ok", "err") and said.get("id") in unanswered:
        print(unanswered.pop(said["id"])["do"], said, flush=True)

async def main():
    snapshot()
    first = str(uuid.uuid4())
    unanswered[first] = {"t": "cmd", "id": first, "do": {"type": "claim_next"}}
    address = BASE.replace("http", "ws", 1) + "/api/v1/ws"
    while True:
        try:
            async with websockets.connect(address, additional_headers=AUTH, subprotocols=["hotdesk.v1"]) as socket:
                hello = {"t": "hello", "v": 1, "client": "python", "topics": ["board"], "visible": True, **position}
                await socket.send("\n".join(map(json.dumps, [hello, *unanswered.values()])))
                async for frame in socket:  # what was not answered went out again: it takes effect once
                    for line in filter(None, frame.split("\n")):
                        hear(json.loads(line))
        except (OSError, websockets.WebSocketException) as error:
            if 4000 <= getattr(getattr(error, "rcvd", None), "code", 0) < 4100:
                sys.exit(f"{error}: not as you are")
        await asyncio.sleep(random.uniform(0, 5))  # full jitter: a crowd must not come back at once

asyncio.run(main())
