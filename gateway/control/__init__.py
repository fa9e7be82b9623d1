"""What takes commands from afar: who may, what there is, how it is answered; never sees a broker or a bus."""
