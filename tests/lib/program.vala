/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * program.vala - the library in Vala: a service and a client of it at one UNIX socket
 *
 * Copyright (C) 2026 The vmsock authors
 */
async string ask (Vmsock.Address address, string word) throws Error {
	var client = new Vmsock.Client ();
	var connection = yield client.connect_async (address, null);
	string line;

	yield connection.output_stream.write_all_async ((word + "\n").data, Priority.DEFAULT, null,
							null);
	connection.shutdown (false, true);
	line = yield new DataInputStream (connection.input_stream).read_line_async ();
	yield connection.close_async ();
	return line;
}

async void answer (Vmsock.Listener listener) throws Error {
	var connection = yield listener.accept_async (null);
	var line = yield new DataInputStream (connection.input_stream).read_line_async ();

	yield connection.output_stream.write_all_async ((line.up () + "\n").data,
							Priority.DEFAULT, null, null);
	yield connection.close_async ();
}

int main (string[] arguments) {
	var loop = new MainLoop ();

	try {
		var address = Vmsock.Address.parse (arguments[1]);
		var listener = new Vmsock.Listener ();

		listener.add_address (address, null);
		answer.begin (listener);
		ask.begin (address, arguments[2], (source, result) => {
			try {
				print ("%s\n", ask.end (result));
			} catch (Error error) {
				print ("failed: %s\n", error.message);
			}
			loop.quit ();
		});
		loop.run ();
		return 0;
	} catch (Vmsock.Error.INVALID_ADDRESS error) {
		print ("no address: %s\n", error.message);
		return 2;
	} catch (Error error) {
		print ("failed: %s\n", error.message);
		return 1;
	}
}
