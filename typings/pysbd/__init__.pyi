from pysbd.segmenter import Segmenter

__all__ = ["Segmenter"]
