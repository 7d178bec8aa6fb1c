#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""cameras.py [--model FILE]: cameras come and go while one model goes on watching the others.

Reads commands from standard input, a line each:
  add NAME URI     a file:// or rtsp:// address; its results are called NAME
  remove NAME
  quit             (so does the end of the input)
Prints a line when a camera has come, has gone, has ended or failed, and one for each frame with objects.
"""
import argparse
import pathlib
import sys
import threading

import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstInference", "1.0")
from gi.repository import GLib, Gst, GstInference

MODEL = pathlib.Path(__file__).resolve().parent.parent / "models/person-detector.onnx"


def say(*words):
    print(*words, flush=True)


class Camera:
    """Address -> decoder -> a sink pad of the shared element, and its src pad -> a sink."""

    def __init__(self, pipeline, inference, name, uri):
        self.name, self.pipeline, self.inference = name, pipeline, inference
        self.source = self.make_source(uri)
        self.out = Gst.ElementFactory.make("fakesink", f"results-{name}")
        self.out.set_property("sync", False)
        self.out.set_property("async", False)
        self.sink_pad = inference.request_pad_simple("sink_%u")
        self.sink_pad.set_property("source-id", name)
        self.src_pad = inference.get_static_pad(self.sink_pad.get_name().replace("sink", "src"))
        pad = self.out.get_static_pad("sink")
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_frame)
        pad.add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, self.on_event)
        for element in (self.out, self.source):
            pipeline.add(element)
        self.src_pad.link(pad)
        self.source.get_static_pad("src").link(self.sink_pad)
        self.out.sync_state_with_parent()
        self.source.sync_state_with_parent()

    def make_source(self, uri):
        source = Gst.Bin.new(f"camera-{self.name}")
        source.set_property("async-handling", True)  # a camera that takes its time does not halt the pipeline
        decoder, convert = (Gst.ElementFactory.make(name) for name in ("uridecodebin", "videoconvert"))
        decoder.set_property("uri", uri)
        decoder.connect("pad-added", self.on_decoded, convert.get_static_pad("sink"))
        source.add(decoder)
        source.add(convert)
        source.add_pad(Gst.GhostPad.new("src", convert.get_static_pad("src")))
        return source

    def on_decoded(self, decoder, pad, sink):
        """The first video of the address; sound and further videos are left out."""
        if pad.query_caps(None).to_string().startswith("video/") and not sink.is_linked():
            pad.link(sink)

    def on_frame(self, pad, info):
        buffer, caps = info.get_buffer(), pad.get_current_caps().get_structure(0)
        objects = GstInference.buffer_get_objects(buffer, caps.get_value("width"), caps.get_value("height"))
        if objects:
            say(self.name, *(f"{o.label} {o.confidence:.2f}" for o in objects))
        return Gst.PadProbeReturn.OK

    def on_event(self, pad, info):
        """The end of one camera must not end the others, so it goes no further."""
        if info.get_event().type != Gst.EventType.EOS:
            return Gst.PadProbeReturn.OK
        say("ended", self.name)
        return Gst.PadProbeReturn.DROP

    def remove(self):
        """Source first, so that nothing comes in any more; the pad's release lets its frames go."""
        self.source.set_state(Gst.State.NULL)
        self.pipeline.remove(self.source)
        self.inference.release_request_pad(self.sink_pad)
        self.out.set_state(Gst.State.NULL)
        self.pipeline.remove(self.out)


class Cameras:
    def __init__(self, model):
        self.loop = GLib.MainLoop()
        self.cameras = {}
        self.pipeline = Gst.Pipeline.new("cameras")
        self.inference = Gst.ElementFactory.make("gstinference", "gi")
        if not self.inference:
            sys.exit("cameras.py: GStreamer does not find the element gstinference; is GST_PLUGIN_PATH set?")
        self.inference.set_property("model", str(model))
        self.pipeline.add(self.inference)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        if self.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            message = bus.pop_filtered(Gst.MessageType.ERROR)
            sys.exit(f"cameras.py: {message.parse_error()[0].message if message else 'cannot start'}")

    def on_error(self, bus, message):
        """Of a camera: it alone goes. Of the model: nothing can go on. Others only repeat what a camera said."""
        name = self.camera_of(message.src)
        if name:
            say("failed", name, message.parse_error()[0].message)
            self.cameras.pop(name).remove()
        elif message.src == self.inference:
            say("failed model", message.parse_error()[0].message)
            self.loop.quit()

    def camera_of(self, element):
        """The name of the camera that an element is part of, or None."""
        while element:
            name = element.get_name().removeprefix("camera-")
            if name in self.cameras:
                return name
            element = element.get_parent()
        return None

    def command(self, line):
        match line.split():
            case ["add", name, uri] if name not in self.cameras:
                self.cameras[name] = Camera(self.pipeline, self.inference, name, uri)
                say("added", name)
            case ["remove", name] if name in self.cameras:
                self.cameras.pop(name).remove()
                say("removed", name)
            case ["quit"]:
                self.loop.quit()
            case [] | [""]:
                pass
            case words:
                say("cameras.py: not understood:", *words, "(add NAME URI with a new name, remove NAME, quit)")

    def read_commands(self):
        """On a thread of its own; commands run on the main loop, in their order."""
        for line in sys.stdin:
            GLib.idle_add(self.command, line)
        GLib.idle_add(self.loop.quit)

    def run(self):
        threading.Thread(target=self.read_commands, daemon=True).start()
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=MODEL)
    arguments = parser.parse_args()
    Gst.init(None)
    Cameras(arguments.model).run()
