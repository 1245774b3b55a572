"""The other side of the benchmarks: agent-transport's SIP endpoint behind a registrar.

It answers every call by itself and sends silence: it takes at most a fraction of a second of speech ahead, and a Python loop that
feeds it would be measured, not the endpoint. Received audio is not read. A line "end" on the control port hangs up the oldest call.

Usage: endpoint.py CONTROL_PORT
"""

import collections
import socket
import sys
import threading

from agent_transport import SipEndpoint

live = collections.OrderedDict()
endpoint = SipEndpoint(sip_server="127.0.0.1", stun_server="127.0.0.1:3478", codecs=["PCMU"])
endpoint.register("1000", "secret")


def take_orders(port):
    listener = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = listener.accept()
        for line in connection.makefile("r"):
            if line.strip() == "end" and live:
                session, _ = live.popitem(last=False)
                endpoint.hangup(session)


threading.Thread(target=take_orders, args=(int(sys.argv[1]),), daemon=True).start()
while True:
    event = endpoint.wait_for_event(1000)
    if event is None:
        continue
    kind, session = event["type"], event.get("session")
    if kind == "registered":
        print("ready", flush=True)
    elif kind == "call_answered":
        live[session.session_id] = True
    elif kind == "call_terminated":
        live.pop(session.session_id, None)
