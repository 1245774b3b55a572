#!/usr/bin/env python3
"""A headless phone on PJSIP (PyPI: pjsua2-python). One process; prints one JSON event a line, takes one order a line on standard input.

Answerer:  pjphone.py --port 5070 --answer --play in.wav --record out
Caller:    pjphone.py --port 5080 --dial sip:1000@127.0.0.1:5060 --record out
Orders:    dtmf 12#   keys as telephone events      info 12#   keys by INFO       play FILE   once, on the newest call
           hold       resume                        xfer URI   blind REFER        bye         the end of the newest call
           dial URI   another call                  replaces   the newest call's peer takes over the oldest call (REFER with Replaces)
Ends when standard input closes. OUT-<call>.wav holds what was received on that call (16 bit, 8000 Hz).
An incoming REFER is accepted and followed by PJSIP itself (NOTIFY 100 and final); so is an INVITE with Replaces.
"""
import argparse, json, os, sys, time
import pjsua2 as pj

T0 = time.monotonic()

def say(kind, **more):
    print(json.dumps({"t": round(time.monotonic() - T0, 3), "event": kind, **more}), flush=True)

class Call(pj.Call):
    def __init__(self, phone, call_id=pj.PJSUA_INVALID_ID):
        super().__init__(phone.account, call_id)
        self.phone, self.players, self.recorder, self.audio = phone, [], None, None

    def onCallState(self, prm):
        info = self.getInfo()
        say("state", call=info.id, state=info.stateText, code=info.lastStatusCode, reason=info.lastReason, remote=info.remoteUri)
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED and self in self.phone.calls:
            self.phone.calls.remove(self)
            self.phone.gone.append(self)  # PJSIP still looks at it

    def onCallMediaState(self, prm):
        info = self.getInfo()
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            say("media", call=info.id, status=media.status, dir=media.dir)
            if media.status != pj.PJSUA_CALL_MEDIA_ACTIVE:
                continue
            self.audio = self.getAudioMedia(index)
            if self.phone.args.play and not self.players:
                self.play(self.phone.args.play, 0)
            for player in self.players:
                player.startTransmit(self.audio)  # after a hold the call has another port
            if self.phone.args.record:
                if not self.recorder:
                    self.recorder = pj.AudioMediaRecorder()
                    self.recorder.createRecorder(f"{self.phone.args.record}-{info.id}.wav")
                self.audio.startTransmit(self.recorder)

    def play(self, file, options=pj.PJMEDIA_FILE_NO_LOOP):
        player = pj.AudioMediaPlayer()
        player.createPlayer(file, options)
        player.startTransmit(self.audio)
        self.players.append(player)

    def onDtmfDigit(self, prm):
        say("dtmf", call=self.getId(), digit=prm.digit)

    def onCallTransferRequest(self, prm):
        say("refer-in", call=self.getId(), to=prm.dstUri)
        new = Call(self.phone)  # our own reference: reading prm.newCall back gives another wrapper
        self.phone.calls.append(new)
        prm.newCall = new

    def onCallTransferStatus(self, prm):
        say("refer-status", call=self.getId(), code=prm.statusCode, final=prm.finalNotify)

    def onCallReplaced(self, prm):
        say("replaced", call=self.getId(), new=prm.newCallId)
        new = Call(self.phone, prm.newCallId)
        self.phone.calls.append(new)
        prm.newCall = new

class Account(pj.Account):
    def __init__(self, phone):
        super().__init__()
        self.phone = phone

    def onIncomingCall(self, prm):
        call = Call(self.phone, prm.callId)
        self.phone.calls.append(call)
        say("incoming", call=prm.callId, remote=call.getInfo().remoteUri)
        answer = pj.CallOpParam(True)
        answer.statusCode = self.phone.args.reject or (200 if self.phone.args.answer else 180)
        call.answer(answer)

class Phone:
    def __init__(self, args):
        self.args, self.calls, self.gone = args, [], []

    def dial(self, uri):
        call = Call(self)
        self.calls.append(call)
        call.makeCall(uri, pj.CallOpParam(True))

    def order(self, text):
        say("order", do=text)
        word, _, what = text.partition(" ")
        if word == "dial":
            return self.dial(what)
        if not self.calls:
            return say("no-call", order=text)
        call, param = self.calls[-1], pj.CallOpParam(True)
        if word == "dtmf":
            call.dialDtmf(what)
        elif word == "info":
            keys = pj.CallSendDtmfParam()
            keys.digits, keys.method = what, pj.PJSUA_DTMF_METHOD_SIP_INFO
            call.sendDtmf(keys)
        elif word == "play":
            call.play(what)
        elif word == "hold":
            call.setHold(param)
        elif word == "resume":
            param.opt.flag |= pj.PJSUA_CALL_UNHOLD
            call.reinvite(param)
        elif word == "xfer":
            call.xfer(what, param)
        elif word == "replaces":
            call.xferReplaces(self.calls[0], param)
        elif word == "bye":
            call.hangup(param)

    def orders(self):
        """Whole lines that wait on standard input; None when it is closed."""
        try:
            read = os.read(0, 4096)
        except BlockingIOError:
            return []
        if not read:
            return None
        *lines, self.rest = (getattr(self, "rest", "") + read.decode()).split("\n")
        return lines

    def run(self):
        a = self.args
        endpoint = pj.Endpoint()
        endpoint.libCreate()
        config = pj.EpConfig()
        config.logConfig.level = config.logConfig.consoleLevel = a.log
        config.uaConfig.threadCnt = 0
        config.medConfig.clockRate = 8000
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        endpoint.libInit(config)
        transport = pj.TransportConfig()
        transport.port, transport.boundAddress, transport.publicAddress = a.port, "127.0.0.1", "127.0.0.1"
        udp = endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        endpoint.libStart()
        endpoint.audDevManager().setNullDev()
        for codec in endpoint.codecEnum2():
            endpoint.codecSetPriority(codec.codecId, 200 if codec.codecId.startswith(a.codec) else 0)
        account = pj.AccountConfig()
        account.idUri = f"sip:pj@127.0.0.1:{a.port}"
        account.sipConfig.transportId = udp
        media = account.mediaConfig.transportConfig
        media.boundAddress = media.publicAddress = "127.0.0.1"
        media.port = a.rtp
        account.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        self.account = Account(self)
        self.account.create(account)
        say("ready", version=endpoint.libVersion().full)
        if a.dial:
            self.dial(a.dial)
        os.set_blocking(0, False)
        end = time.monotonic() + a.time
        while time.monotonic() < end:
            endpoint.libHandleEvents(10)
            lines = self.orders()
            if lines is None:
                break
            for line in lines:
                try:
                    self.order(line)
                except pj.Error as error:
                    say("error", text=error.info())
        endpoint.hangupAllCalls()
        for _ in range(30):
            endpoint.libHandleEvents(10)
        say("end")
        endpoint.libDestroy()  # also closes the recorders, which writes the WAV lengths
        os._exit(0)  # the interpreter's own clean-up of pjsua2's objects would abort

if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--port", type=int, required=True); p.add_argument("--rtp", type=int, required=True)
    p.add_argument("--dial"); p.add_argument("--answer", action="store_true"); p.add_argument("--reject", type=int)
    p.add_argument("--play", help="looped on every call"); p.add_argument("--record"); p.add_argument("--codec", default="PCMU")
    p.add_argument("--time", type=float, default=60); p.add_argument("--log", type=int, default=0)
    Phone(p.parse_args()).run()
