"""Makes gRPC calls for a model: valid ones, and what a stranger makes of them."""

from collections.abc import Iterator
from dataclasses import dataclass

from modelberth_server.grpc_v2 import inference_pb2 as pb
from serving.fuzz.call import CONTENTS, OK, Call, call
from serving.fuzz.call_bytes import BYTES, OTHERS
from serving.fuzz.call_fields import MUTATIONS
from serving.fuzz.messages import Messages, raw_elements


@dataclass(frozen=True)
class Calls:
    """Makes calls for the model that `messages` are for."""

    messages: Messages

    def some(self, number: int) -> Iterator[Call]:
        """Make calls: valid ones, and mutations of them."""
        draw = self.messages.draw
        for _ in range(number):
            chance = draw.random()
            if chance < 0.15:
                yield self.healthy()
            elif chance < 0.55:
                yield self.changed()
            elif chance < 0.85:
                yield draw.choice(BYTES)(self.valid().SerializeToString(), draw)
            else:
                yield draw.choice(OTHERS)(self.valid(), draw)

    def healthy(self) -> Call:
        """Make a call that has to be answered."""
        return call("valid", self.valid().SerializeToString(), OK)

    def changed(self) -> Call:
        """Change one thing in a message; a mutation that has no meaning for the message is drawn again."""
        while True:
            message = self.valid()
            mutate = self.messages.draw.choice(MUTATIONS)
            allowed = mutate(message, self.messages.draw)
            if allowed is not None:
                return call(
                    mutate.__name__.strip("_").replace("_", " "), message.SerializeToString(), *allowed
                )

    def valid(self) -> pb.ModelInferRequest:
        """A request whose tensors are raw or typed."""
        messages, draw = self.messages, self.messages.draw
        request = pb.ModelInferRequest(model_name=messages.name, id=draw.choice(["", "7", "é\n"]))
        if draw.random() < 0.3:
            request.model_version = messages.version
        if draw.random() < 0.3:
            request.outputs.add(name=draw.choice(messages.metadata["outputs"])["name"])
        if draw.random() < 0.3:
            request.parameters[draw.choice(["x", "", "sequence"])].int64_param = draw.randrange(99)
        raw = draw.random() < 0.5
        rows = draw.choice([1, 1, 2, 17])
        for spec in draw.sample(messages.inputs, len(messages.inputs)):
            datatype, shape = spec["datatype"], [rows, *spec["shape"][1:]]
            tensor = request.inputs.add(name=spec["name"], datatype=datatype, shape=shape)
            values = messages.values(spec, rows)
            if raw:
                request.raw_input_contents.append(raw_elements(values, datatype))
                continue
            for _ in shape[1:]:
                values = [one for row in values for one in row]
            texts = [str(one).encode() for one in values] if datatype == "BYTES" else values
            getattr(tensor.contents, CONTENTS[datatype]).extend(texts)
        return request
