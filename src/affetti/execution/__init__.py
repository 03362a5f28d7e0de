"""Work that splits over rows, mapped over processes."""
