mod structure {}
