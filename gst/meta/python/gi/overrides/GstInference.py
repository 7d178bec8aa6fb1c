# SPDX-License-Identifier: LGPL-2.1-or-later
"""What PyGObject adds to GstInference: numpy.asarray(tensor) is a view of the tensor's own bytes."""
from ..module import get_introspection_module
from ..overrides import override

GstInference = get_introspection_module("GstInference")
__all__ = ["Tensor"]

# numpy's names of element types; it has no bfloat16, whose bits come as they are.
TYPES = {"f64": "f8", "f32": "f4", "f16": "f2", "bf16": "u2", "i64": "i8", "i32": "i4", "i16": "i2", "i8": "i1",
         "u64": "u8", "u32": "u4", "u16": "u2", "u8": "u1", "bool": "b1"}


class Tensor(GstInference.Tensor):
    """The array keeps the tensor, and the tensor its bytes: both may outlive the buffer."""

    @property
    def __array_interface__(self):
        return {"version": 3, "shape": tuple(self.dims), "typestr": "=" + TYPES[self.type],
                "data": (self.get_address(), True)}


Tensor = override(Tensor)
