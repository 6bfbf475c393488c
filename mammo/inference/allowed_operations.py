"""The operations that the graph of a network may have: those that exports of this project consist of, and no other.

None of them reads or writes a file, calls a function or Python, keeps a state, loops, prints or loads a library.
The list is made anew where a network of another kind needs another one: `allowed_operations_test` exports a network of
each kind, and prints what they have and what is listed here where the two differ. An operation is added only if the
above holds for it: https://www.tensorflow.org/api_docs/python/tf/raw_ops says what each does.
"""

ALLOWED_OPERATIONS = frozenset(
    {
        "AddN",
        "AddV2",
        "ArgMax",
        "BiasAdd",
        "Cast",
        "CombinedNonMaxSuppression",
        "ConcatV2",
        "Const",
        "Conv2D",
        "DepthwiseConv2dNative",
        "Exp",
        "ExpandDims",
        "Fill",
        "FusedBatchNormV3",
        "GatherV2",
        "Greater",
        "Identity",
        "IdentityN",
        "ImageProjectiveTransformV3",
        "MatMul",
        "Max",
        "MaxPool",
        "Maximum",
        "Mean",
        "Minimum",
        "Mul",
        "Neg",
        "Pack",
        "Pad",
        "Placeholder",
        "Pow",
        "Range",
        "RealDiv",
        "Relu",
        "Relu6",
        "Reshape",
        "ReverseV2",
        "Rsqrt",
        "Shape",
        "Sigmoid",
        "Softmax",
        "Split",
        "Sqrt",
        "Squeeze",
        "StridedSlice",
        "Sub",
        "Sum",
        "Tile",
        "TopKV2",
        "Transpose",
        "Unpack",
    }
)
