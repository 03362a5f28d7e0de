from tests.material import corpus, made, run_of

__all__ = ["corpus", "made", "run_of"]
